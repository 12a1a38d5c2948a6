/* The contender in C of the edge's benchmark: libmodbus, one device after the other, every point decoded and scaled.
 *
 * edge_libmodbus UNIT PERIOD_MS PORT...; polls until killed, with libmodbus's own time-out of half a second. A device
 * that fails is connected anew at its next turn. The blocks and the mix of points are those of _edge_machine.py. */
#include <errno.h>
#include <modbus/modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now_s(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
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
    int unit = atoi(argv[1]), devices = argc - 3, device, block;
    double period_s = atof(argv[2]) / 1000, due_s = now_s(), at_s;
    modbus_t **lines = calloc(devices, sizeof *lines);
    char *there = calloc(devices, 1);
    uint16_t words[125];
    for (device = 0; device < devices; device++) {
        lines[device] = modbus_new_tcp("127.0.0.1", atoi(argv[3 + device]));
        modbus_set_slave(lines[device], unit);
    }
    for (;;) {
        for (device = 0; device < devices; device++) {
            if (!there[device] && modbus_connect(lines[device])) continue;
            there[device] = 1;
            for (block = 0; block < 4; block++) {
                if (modbus_read_registers(lines[device], starts[block], counts[block], words) != counts[block]) {
                    modbus_close(lines[device]);
                    there[device] = 0;
                    break;
                }
                decode(words, block == 3);
            }
        }
        at_s = now_s();
        due_s = due_s + period_s > at_s ? due_s + period_s : at_s;
        if (due_s > at_s) {
            struct timespec rest = {(time_t)(due_s - at_s), 0};
            rest.tv_nsec = (long)((due_s - at_s - rest.tv_sec) * 1e9);
            nanosleep(&rest, NULL);
        }
    }
}
