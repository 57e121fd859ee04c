/*
 * A disk that takes FSYNC_MS milliseconds longer to keep what it was given: most disks of a cloud
 * take one to three, those of the machines that these benches run on a twentieth of one.
 *
 *   cc -shared -fPIC -o /tmp/slow-disk.so bench/slow-disk.c -ldl
 *   FSYNC_MS=1 LD_PRELOAD=/tmp/slow-disk.so npm run bench -- inventory --only http,process
 *
 * The benches' first line shows it: they measure a flush through the same door.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static void wait_for_the_disk(void) {
  const char *given = getenv("FSYNC_MS");
  const double ms = given ? atof(given) : 1.0;
  const struct timespec pause = {(time_t)(ms / 1000), (long)(ms * 1e6) % 1000000000L};
  nanosleep(&pause, NULL);
}

int fdatasync(int fd) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  const int result = real(fd);
  wait_for_the_disk();
  return result;
}

int fsync(int fd) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  const int result = real(fd);
  wait_for_the_disk();
  return result;
}
