/* The machines of the edge's benchmark: a Modbus TCP server that answers any number of requests at once, and counts.
 *
 * edge_server COUNTS IMAGES PORTS; prints its ports, then serves until killed. Device d listens on port d; behind each
 * further port are units. The unit says how lively a device is: 1-20 still, 21-40 a tenth changes, 41-60 everything
 * changes from scan to scan. COUNTS is a file that is shared with the benchmark, as `struct counts` below lays it out. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { DEVICES = 20, LIVELY = 3, IMAGES = 8, REGISTERS = 1024, LAST = 701, MOST_SCANS = 4096, BUFFER = 16384 };

struct counts {
    uint64_t silent_from;            /* devices from this number on accept, read, and never answer */
    uint64_t requests[LIVELY];       /* answered */
    uint64_t registers[LIVELY];
    uint64_t done[DEVICES];          /* requests that read the last register: scans */
    uint64_t begun[DEVICES];         /* requests that read the first one */
    int64_t begun_ns[DEVICES][MOST_SCANS];
};

struct peer {
    int socket, port;
    uint32_t asked;
    size_t have;
    uint8_t buffer[BUFFER];
};

static struct counts *counts;
static uint8_t *images; /* [LIVELY][IMAGES][2 * REGISTERS] */

static int64_t now_ns(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static size_t answer(struct peer *peer, const uint8_t *ask, uint8_t *reply) {
    unsigned unit = ask[6], function = ask[7], address = ask[8] << 8 | ask[9], count = ask[10] << 8 | ask[11];
    unsigned lively = unit ? (unit - 1) / DEVICES % LIVELY : 0;
    unsigned device = peer->port < DEVICES ? (unsigned)peer->port : (unit - 1) % DEVICES;
    unsigned words;
    memcpy(reply, ask, 8);
    if (address == 0) counts->begun_ns[device][counts->begun[device]++ % MOST_SCANS] = now_ns();
    if (device >= counts->silent_from) return 0;
    if ((function != 3 && function != 4) || !count || count > 125 || address + count > REGISTERS) {
        reply[4] = 0, reply[5] = 3, reply[7] |= 0x80, reply[8] = function == 3 || function == 4 ? 2 : 1;
        return 9;
    }
    words = lively * IMAGES + peer->asked / 4 % IMAGES;
    peer->asked++;
    counts->requests[lively]++;
    counts->registers[lively] += count;
    if (address <= LAST && address + count > LAST) counts->done[device]++;
    reply[4] = (3 + 2 * count) >> 8, reply[5] = (3 + 2 * count) & 255, reply[8] = 2 * count;
    memcpy(reply + 9, images + (size_t)words * 2 * REGISTERS + 2 * address, 2 * count);
    return 9 + 2 * count;
}

static void serve(struct peer *peer) {
    static uint8_t replies[BUFFER / 12 * 260];
    ssize_t got = recv(peer->socket, peer->buffer + peer->have, BUFFER - peer->have, 0);
    size_t at = 0, out = 0;
    if (got <= 0) {
        if (got < 0 && errno == EAGAIN) return;
        close(peer->socket);
        free(peer);
        return;
    }
    peer->have += got;
    while (peer->have - at >= 12) {
        size_t length = 6 + (peer->buffer[at + 4] << 8 | peer->buffer[at + 5]);
        if (peer->have - at < length) break;
        out += answer(peer, peer->buffer + at, replies + out);
        at += length;
    }
    memmove(peer->buffer, peer->buffer + at, peer->have - at);
    peer->have -= at;
    for (at = 0; at < out;) {
        ssize_t sent = send(peer->socket, replies + at, out - at, MSG_NOSIGNAL);
        if (sent > 0) at += sent;
        else if (errno != EAGAIN) break;
    }
}

int main(int argc, char **argv) {
    int ports = atoi(argv[3]), poll = epoll_create1(0), port, one = 1;
    int shared = open(argv[1], O_RDWR), pictures = open(argv[2], O_RDONLY);
    struct rlimit most = {65536, 65536};
    struct epoll_event events[256];
    if (argc != 4) return 2;
    setrlimit(RLIMIT_NOFILE, &most);
    counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, shared, 0);
    images = mmap(NULL, LIVELY * IMAGES * 2 * REGISTERS, PROT_READ, MAP_SHARED, pictures, 0);
    if (counts == MAP_FAILED || images == MAP_FAILED) return 1;
    for (port = 0; port < ports; port++) {
        struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t length = sizeof here;
        int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)port << 32 | (uint32_t)listener << 1 | 1};
        if (bind(listener, (struct sockaddr *)&here, sizeof here) || listen(listener, 4096)) return 1;
        getsockname(listener, (struct sockaddr *)&here, &length);
        epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
        printf("%d ", ntohs(here.sin_port));
    }
    puts("");
    fflush(stdout);
    for (;;) {
        int ready = epoll_wait(poll, events, 256, -1), i;
        for (i = 0; i < ready; i++) {
            if (events[i].data.u64 & 1) {
                int socket = accept4((int)((uint32_t)events[i].data.u64 >> 1), NULL, NULL, SOCK_NONBLOCK);
                struct peer *peer;
                struct epoll_event event = {.events = EPOLLIN};
                if (socket < 0) continue;
                setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                peer = calloc(1, sizeof *peer);
                peer->socket = socket, peer->port = (int)(events[i].data.u64 >> 32);
                event.data.ptr = peer;
                epoll_ctl(poll, EPOLL_CTL_ADD, socket, &event);
            } else {
                serve(events[i].data.ptr);
            }
        }
    }
}
