#!/usr/bin/env bash
# Fetches Apache Kafka's jars through Maven into a folder of the user's cache, once, and prints the
# folder: what KAFKA_HOME names for the tests. They find it there by themselves.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
version="$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$here/pom.xml")"
home="${XDG_CACHE_HOME:-$HOME/.cache}/fanfare/kafka-$version"

if [ ! -d "$home/libs" ]; then
  mkdir -p "$home"
  # Whole or not at all: an attempt that was interrupted leaves no folder of this name.
  part="$(mktemp -d "$home/libs.XXXXXX")"
  trap 'rm -rf "$part"' EXIT
  mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
    -DoutputDirectory="$part" >&2
  mv -T "$part" "$home/libs" 2> /dev/null || [ -d "$home/libs" ]
fi
echo "$home"
