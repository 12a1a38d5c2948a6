/* The contender in C of the edge's benchmark: libmodbus, one device after the other, every point decoded and scaled.
 *
 * edge_libmodbus UNIT SECONDS PERIOD_S PORT...; prints "begin" when warm, then "end CPU_SECONDS RSS_KIB". The blocks
 * and the mix of points are those of _edge_machine.py. */
#include <errno.h>
#include <modbus/modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static double now_s(clockid_t clock) {
    struct timespec at;
    clock_gettime(clock, &at);
    return at.tv_sec + at.tv_nsec / 1e9;
}

static const int starts[4] = {0, 200, 400, 600}, counts[4] = {84, 84, 84, 102};
static volatile double sink;

static void decode(const uint16_t *words, int last) {
    int at = 0, i;
    double sum = 0;
    for (i = 0; i < 24; i++) sum += (int16_t)words[at++] * 0.1;
    for (i = 0; i < 16; i++) sum += words[at++];
    for (i = 0; i < 14; i++, at += 2) sum += modbus_get_float_abcd(words + at);
    for (i = 0; i < 4; i++, at += 2) sum += ((uint32_t)words[at] << 16) + words[at + 1];
    for (i = 0; i < 4; i++, at += 2) sum += modbus_get_float_cdab(words + at);
    if (last) sum += words[100] + words[101];
    sink = sum;
}

int main(int argc, char **argv) {
    int unit = atoi(argv[1]), devices = argc - 4, device, block, begun = 0;
    double seconds = atof(argv[2]), period_s = atof(argv[3]), cpu_s = 0;
    modbus_t **lines = calloc(devices, sizeof *lines);
    uint16_t words[125];
    for (device = 0; device < devices; device++) {
        lines[device] = modbus_new_tcp("127.0.0.1", atoi(argv[4 + device]));
        modbus_set_slave(lines[device], unit);
        if (modbus_connect(lines[device])) return 1;
    }
    double start_s = now_s(CLOCK_MONOTONIC), due_s = start_s;
    for (;;) {
        double at_s = now_s(CLOCK_MONOTONIC);
        if (!begun && at_s - start_s >= 1.0) {
            begun = 1;
            puts("begin");
            fflush(stdout);
            cpu_s = now_s(CLOCK_PROCESS_CPUTIME_ID);
        } else if (at_s - start_s >= 1.0 + seconds) {
            break;
        }
        for (device = 0; device < devices; device++)
            for (block = 0; block < 4; block++) {
                if (modbus_read_registers(lines[device], starts[block], counts[block], words) != counts[block]) return 1;
                decode(words, block == 3);
            }
        at_s = now_s(CLOCK_MONOTONIC);
        due_s = due_s + period_s > at_s ? due_s + period_s : at_s;
        if (due_s > at_s) {
            struct timespec rest = {0, (due_s - at_s) * 1e9};
            nanosleep(&rest, NULL);
        }
    }
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    printf("end %f %ld\n", now_s(CLOCK_PROCESS_CPUTIME_ID) - cpu_s, used.ru_maxrss);
    return 0;
}
