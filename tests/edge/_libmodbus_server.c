/* A Modbus server made of libmodbus with given tables, for the edge's tests: libmodbus_server tcp PORT | rtu SERIAL,
 * then the tables on standard input: four counts (coils, discrete inputs, holding, input registers) and their values.
 * Prints "ready". */
#include <modbus/modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void fill(uint8_t *bits, uint16_t *words, int count) {
    int at, value;
    for (at = 0; at < count && scanf("%d", &value) == 1; at++) {
        if (bits) bits[at] = (uint8_t)value;
        else words[at] = (uint16_t)value;
    }
}

int main(int argc, char **argv) {
    int counts[4], listener = -1, got;
    uint8_t ask[MODBUS_TCP_MAX_ADU_LENGTH];
    modbus_mapping_t *tables;
    modbus_t *server;
    if (argc != 3 || scanf("%d %d %d %d", counts, counts + 1, counts + 2, counts + 3) != 4) return 2;
    tables = modbus_mapping_new(counts[0], counts[1], counts[2], counts[3]);
    fill(tables->tab_bits, NULL, counts[0]);
    fill(tables->tab_input_bits, NULL, counts[1]);
    fill(NULL, tables->tab_registers, counts[2]);
    fill(NULL, tables->tab_input_registers, counts[3]);
    if (!strcmp(argv[1], "tcp")) {
        server = modbus_new_tcp("127.0.0.1", atoi(argv[2]));
        listener = modbus_tcp_listen(server, 4);
        if (listener < 0) return 1;
    } else {
        server = modbus_new_rtu(argv[2], 19200, 'N', 8, 1);
        modbus_set_slave(server, 1);
        if (modbus_connect(server)) return 1;
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        if (listener >= 0) modbus_tcp_accept(server, &listener);
        for (;;) {
            got = modbus_receive(server, ask);
            if (got > 0) modbus_reply(server, ask, got, tables);
            else if (got < 0 && listener >= 0) break;
        }
        modbus_close(server);
    }
}
