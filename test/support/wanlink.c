// A wide-area link on one machine: two network namespaces joined by a TUN device each, with delay and loss in between. The
// kernels that the tests meet have no netem, so this carries the packets itself.
//
//   wanlink NAMESPACE_A ADDRESS_A NAMESPACE_B ADDRESS_B DELAY_MS LOSS_PERCENT
//
// Both namespaces exist already. DELAY_MS is one way; a packet is lost with LOSS_PERCENT in 100. Prints "up" once packets pass,
// and runs until it is killed. Needs root and /dev/net/tun.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define MTU 1400
#define IN_FLIGHT 65536

// What is on its way in one direction: a ring, in the order of arrival, which is that of departure.
struct way {
  int from, to;
  unsigned first, count;
  struct { int64_t due; int length; unsigned char bytes[MTU + 100]; } *packets;
};

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

// A TUN device inside a namespace, up, with the default route: browsers look for one before they offer an address.
static int device(const char *space, const char *address, const char *other) {
  char path[128], command[512];
  snprintf(path, sizeof path, "/var/run/netns/%s", space);
  int handle = open(path, O_RDONLY);
  if (handle < 0 || setns(handle, CLONE_NEWNET) < 0) fail(space);
  close(handle);
  int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  struct ifreq wanted;
  memset(&wanted, 0, sizeof wanted);
  wanted.ifr_flags = IFF_TUN | IFF_NO_PI;
  strncpy(wanted.ifr_name, "wan", IFNAMSIZ - 1);
  if (tun < 0 || ioctl(tun, TUNSETIFF, &wanted) < 0) fail("/dev/net/tun");
  snprintf(command, sizeof command,
           "ip link set lo up && ip addr add %s peer %s dev wan && ip link set wan up mtu %d && ip route add default dev wan",
           address, other, MTU);
  if (system(command) != 0) fail("ip");
  return tun;
}

static void take(struct way *way, int64_t delay, double loss) {
  while (way->count < IN_FLIGHT) {
    unsigned at = (way->first + way->count) % IN_FLIGHT;
    ssize_t length = read(way->from, way->packets[at].bytes, sizeof way->packets[at].bytes);
    if (length <= 0) return;
    if (drand48() < loss) continue;
    way->packets[at].length = (int)length;
    way->packets[at].due = now() + delay;
    way->count++;
  }
}

// Hands over what is due; gives when the next is, or never.
static int64_t hand(struct way *way) {
  int64_t time = now();
  while (way->count > 0 && way->packets[way->first].due <= time) {
    // One that the device has no room for is lost, as on any network.
    if (write(way->to, way->packets[way->first].bytes, way->packets[way->first].length) < 0) {}
    way->first = (way->first + 1) % IN_FLIGHT;
    way->count--;
  }
  return way->count > 0 ? way->packets[way->first].due : INT64_MAX;
}

int main(int count, char **words) {
  if (count != 7) {
    fprintf(stderr, "usage: wanlink NAMESPACE_A ADDRESS_A NAMESPACE_B ADDRESS_B DELAY_MS LOSS_PERCENT\n");
    return 2;
  }
  int64_t delay = (int64_t)(atof(words[5]) * 1e6);
  double loss = atof(words[6]) / 100;
  int a = device(words[1], words[2], words[4]);
  int b = device(words[3], words[4], words[2]);
  struct way ways[2] = {{.from = a, .to = b}, {.from = b, .to = a}};
  for (int side = 0; side < 2; side++) {
    ways[side].packets = calloc(IN_FLIGHT, sizeof *ways[side].packets);
    if (!ways[side].packets) fail("memory");
  }
  srand48(1);
  puts("up");
  fflush(stdout);
  for (;;) {
    int64_t next = INT64_MAX;
    for (int side = 0; side < 2; side++) {
      int64_t due = hand(&ways[side]);
      if (due < next) next = due;
    }
    int64_t wait = next == INT64_MAX ? 1000000000 : next - now();
    if (wait < 0) wait = 0;
    struct timespec time = {wait / 1000000000, wait % 1000000000};
    struct pollfd ready[2] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};
    if (ppoll(ready, 2, &time, NULL) < 0) fail("poll");
    for (int side = 0; side < 2; side++)
      if (ready[side].revents & POLLIN) take(&ways[side], delay, loss);
  }
}
