/* Preloaded into an agent by benchmarks/pause.py: while the file $SLOW_SYNC exists, every fsync and fdatasync takes
   700 ms longer, as on a card that stalls. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static void stall(void) {
  const char *flag = getenv("SLOW_SYNC");
  if (flag != NULL && access(flag, F_OK) == 0) usleep(700000);
}

int fsync(int handle) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  stall();
  return real(handle);
}

int fdatasync(int handle) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  stall();
  return real(handle);
}
