// Modbus servers of npm packages with given tables, for the edge's tests: node servers.js KIND WHERE TABLES.json
// KIND: jsmodbus, modbus-serial (WHERE: a TCP port), modbus-serial-rtu (WHERE: a serial port); prints "ready".
"use strict";
const fs = require("fs");

const [kind, where, file] = process.argv.slice(2);
const tables = JSON.parse(fs.readFileSync(file, "utf8"));

function registers(values) {
    const memory = Buffer.alloc(2 * values.length);
    values.forEach((value, at) => memory.writeUInt16BE(value, 2 * at));
    return memory;
}

function bits(values) {
    const memory = Buffer.alloc(Math.ceil(values.length / 8));
    values.forEach((value, at) => { memory[at >> 3] |= value << (at & 7); });
    return memory;
}

if (kind === "jsmodbus") {
    const modbus = require("jsmodbus");
    const listener = new (require("net").Server)();
    new modbus.server.TCP(listener, {
        holding: registers(tables.holding), input: registers(tables.input),
        coils: bits(tables.coil), discrete: bits(tables.discrete),
    });
    listener.listen(Number(where), "127.0.0.1", () => console.log("ready"));
} else {
    const ModbusRTU = require("modbus-serial");
    const vector = {
        getHoldingRegister: (at) => tables.holding[at],
        getInputRegister: (at) => tables.input[at],
        getCoil: (at) => Boolean(tables.coil[at]),
        getDiscreteInput: (at) => Boolean(tables.discrete[at]),
        setRegister: (at, value) => { tables.holding[at] = value; },
        setCoil: (at, value) => { tables.coil[at] = Number(value); },
    };
    if (kind === "modbus-serial") {
        const server = new ModbusRTU.ServerTCP(vector, { host: "127.0.0.1", port: Number(where), unitID: 1 });
        server.on("initialized", () => console.log("ready"));
    } else {
        const settings = { path: where, port: where, baudRate: 19200, unitID: 1 };
        const server = new ModbusRTU.ServerSerial(vector, settings, { baudRate: 19200, parity: "none" });
        server.on("initialized", () => console.log("ready"));
        server.on("error", (error) => { console.error(error); process.exit(1); });
    }
}
