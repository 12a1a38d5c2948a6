"""How people name columns, types, orders and areas in points lists: words only."""

from __future__ import annotations

HEADINGS: dict[str, tuple[str, str, str]] = {
    "name": ("名称", "Name", "点名 测点 测点名称 变量名 变量名称 point tag tagname pointname variable"),
    "unit": ("单位", "Unit", "工程单位 units engineeringunit engunit"),
    "area": ("数据区", "Area", "寄存器类型 寄存器区 区域 存储区 registertype objecttype"),
    "function": ("功能码", "Function", "functioncode fc fcode"),
    "address": ("地址", "Address", "寄存器地址 寄存器 modbus地址 register addr offsetaddress registeraddress"),
    "type": ("类型", "Type", "数据类型 变量类型 datatype format 数据格式"),
    "order": ("字节序", "Byte order", "字节顺序 字序 byteorder wordorder order endian endianness"),
    "words": ("寄存器数", "Registers", "长度 字数 words length registercount"),
    "bit": ("位", "Bit", "位号 起始位 bitnumber bitindex"),
    "bits": ("位数", "Bits", "bitcount"),
    "scale": ("系数", "Scale", "倍率 比例 缩放 倍数 multiplier factor gain resolution 分辨率"),
    "offset": ("偏移", "Offset", "偏移量 零点 bias"),
    "scale_point": ("比例因子测点", "Scale factor point", "scalefactor sf scalepoint"),
    "missing": ("无效值", "Missing value", "缺失值 missing"),
    "words_of": ("枚举", "Meanings", "枚举值 值含义 enum enumeration values valuetext meaning"),
    "topic": ("主题", "Topic", "mqtt主题 mqtttopic"),
    "path": ("路径", "Path", "json路径 jsonpath"),
    "poll_ms": ("采集周期(ms)", "Interval (ms)", "采集周期 周期 采样周期 pollms interval scanrate pollinterval"),
    "writable": ("可写", "Writable", "允许写入 读写 access rw readwrite"),
    "write_low": ("写入下限", "Lowest write", "writelow writemin"),
    "write_high": ("写入上限", "Highest write", "writehigh writemax"),
    "asset": ("设备编号", "Asset", "资产编号 资产 assetnumber"),
    "active": ("启用", "In use", "是否启用 enabled active enable"),
}  # fmt: skip
"""Column → heading in Chinese, in English, and other words for it, without blanks and marks."""

TYPES = {
    "bool": "bit coil digital boolean 布尔 开关量 开关 位 数字量",
    "int16": "int short s16 sint16 i16 signed signed16 整数 有符号 有符号整数 短整型 整型 16位有符号 16位整数",
    "uint16": "word uint ushort u16 unsigned unsigned16 字 无符号 无符号整数 16位无符号 16位无符号整数",
    "int32": "dint long s32 sint32 i32 signed32 长整型 双整数 32位有符号 32位整数",
    "uint32": "dword udint ulong u32 unsigned32 双字 无符号长整型 32位无符号 32位无符号整数",
    "int64": "lint longlong s64 i64 64位有符号 64位整数",
    "uint64": "lword qword ulint u64 64位无符号",
    "float32": "float real single f32 浮点 浮点数 单精度 单精度浮点 32位浮点 32位浮点数",
    "float64": "double lreal f64 双精度 双精度浮点 64位浮点 64位浮点数",
    "bcd16": "bcd",
    "bcd32": "lbcd dbcd bcd8",
    "string": "char text chararray 字符串 字符 文本",
}
ORDERS = {
    "ABCD": "ab 1234 12 big bigendian 大端 高字在前 高位在前 abcdefgh msb",
    "CDAB": "3412 wordswap wordswapped littleendianbyteswap 字交换 低字在前 高低字交换 ghefcdab",
    "BADC": "ba 2143 21 byteswap byteswapped 字节交换 badcfehg",
    "DCBA": "4321 little littleendian 小端 低位在前 hgfedcba lsb",
}
AREAS = {
    "holding": "holdingregister holdingregisters hr 4x 4xxxx 保持寄存器 保持 读写寄存器 03 fc03 fc3 03h hreg",
    "input": "inputregister inputregisters ir 3x 3xxxx 输入寄存器 只读寄存器 04 fc04 fc4 04h ireg",
    "coil": "coils 0x 0xxxx 线圈 线圈状态 输出线圈 01 fc01 fc1 01h co do",
    "discrete": "discreteinput discreteinputs 1x 1xxxx 离散输入 离散量输入 输入状态 02 fc02 fc2 02h di",
}
