#!/usr/bin/env bash
# Fetches Apache Kafka's jars through Maven into a folder of the user's cache, once, and prints the
# folder: what KAFKA_HOME names for the tests. They find it there by themselves. Beside the jars
# stands an archive of a broker's classes (brokers.jsa), with which it is up in half the time.
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

# A broker is run once, with its classes written down as it ends. Brokers also start without.
archive_classes() {
  local work port controller broker java
  work="$(mktemp -d)"
  read -r port controller <<< "$(shuf -i 20000-29999 -n 2 | paste -sd ' ')"
  cat > "$work/server.properties" << EOF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
controller.listener.names=CONTROLLER
log.dirs=$work/data
offsets.topic.replication.factor=1
EOF
  # As test/kit/kafka.ts starts them: an archive serves the same garbage collector only.
  java=(java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1)
  java+=(-Dorg.slf4j.simpleLogger.defaultLogLevel=warn)
  "${java[@]}" -cp "$home/libs/*" kafka.tools.StorageTool format -t AAAAAAAAAAAAAAAAAAAAAA \
    -c "$work/server.properties" > /dev/null
  "${java[@]}" "-XX:ArchiveClassesAtExit=$work/brokers.jsa" -cp "$home/libs/*" kafka.Kafka \
    "$work/server.properties" > "$work/log" 2>&1 &
  broker=$!
  for _ in $(seq 600); do
    (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break
    kill -0 "$broker" 2> /dev/null || break
    sleep 0.1
  done
  kill "$broker" 2> /dev/null || true
  wait "$broker" || true
  # By renaming: whoever starts a broker meanwhile sees all of it or none.
  if [ -s "$work/brokers.jsa" ]; then
    mv "$work/brokers.jsa" "$home/brokers.jsa.$$" && mv "$home/brokers.jsa.$$" "$home/brokers.jsa"
  else
    echo "brokers will start without an archive of their classes" >&2
  fi
  rm -rf "$work"
}
[ -e "$home/brokers.jsa" ] || archive_classes
echo "$home"
