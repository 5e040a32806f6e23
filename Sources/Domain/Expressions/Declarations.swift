/// The types of all operators and functions.
struct Declarations: Sendable {
    private let byName: [String: [FunctionSignature]]

    init(_ signatures: [FunctionSignature]) { byName = Dictionary(grouping: signatures, by: \.name) }

    func named(_ name: String) -> [FunctionSignature] { byName[name] ?? [] }

    /// In alphabetical order.
    var all: [FunctionSignature] { byName.keys.sorted().flatMap { byName[$0] ?? [] } }

    static let standard = Declarations(
        SignatureReader.signatures(
            operators + relations + access + conversions + texts + times + numbers + optionals + exact))

    private static let operators = [
        "+(int, int) -> int; +(uint, uint) -> uint; +(double, double) -> double; +(string, string) -> string",
        "+(bytes, bytes) -> bytes; +(list(A), list(A)) -> list(A); +(timestamp, duration) -> timestamp",
        "+(duration, timestamp) -> timestamp; +(duration, duration) -> duration",
        "-(int, int) -> int; -(uint, uint) -> uint; -(double, double) -> double; -(timestamp, timestamp) -> duration",
        "-(timestamp, duration) -> timestamp; -(duration, duration) -> duration",
        "*(int, int) -> int; *(uint, uint) -> uint; *(double, double) -> double",
        "/(int, int) -> int; /(uint, uint) -> uint; /(double, double) -> double; %(int, int) -> int; %(uint, uint) -> uint",
        "-(int) -> int; -(double) -> double; -(duration) -> duration; -(decimal) -> decimal; -(money) -> money",
        "+(decimal, decimal) -> decimal; +(decimal, int) -> decimal; +(int, decimal) -> decimal; +(money, money) -> money",
        "-(decimal, decimal) -> decimal; -(decimal, int) -> decimal; -(int, decimal) -> decimal; -(money, money) -> money",
        "*(decimal, decimal) -> decimal; *(decimal, int) -> decimal; *(int, decimal) -> decimal",
        "*(money, decimal) -> money; *(decimal, money) -> money; *(money, int) -> money; *(int, money) -> money",
        "!(bool) -> bool",
        "==(A, A) -> bool; ==(A, null) -> bool; ==(null, A) -> bool; ==(decimal, int) -> bool; ==(int, decimal) -> bool",
        "==(decimal, uint) -> bool",
        "==(uint, decimal) -> bool",
        "in(A, list(A)) -> bool; in(A, map(A, B)) -> bool; in(int, list(decimal)) -> bool; in(decimal, list(int)) -> bool",
    ]

    private static let ordered = [
        "bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration", "decimal", "money",
    ]

    private static let mixed = [
        ("int", "uint"), ("int", "double"), ("uint", "int"), ("uint", "double"), ("double", "int"), ("double", "uint"),
        ("decimal", "int"), ("int", "decimal"), ("decimal", "uint"), ("uint", "decimal"),
    ]

    private static let relations = ["<", "<=", ">", ">="].flatMap { sign in
        ordered.map { "\(sign)(\($0), \($0)) -> bool" } + mixed.map { "\(sign)(\($0.0), \($0.1)) -> bool" }
    }

    private static let access = [
        "[](list(A), int) -> A; [](map(A, B), A) -> B; [](optional(list(A)), int) -> optional(A)",
        "[](optional(map(A, B)), A) -> optional(B)",
        "[?](list(A), int) -> optional(A); [?](map(A, B), A) -> optional(B); [?](optional(list(A)), int) -> optional(A)",
        "[?](optional(map(A, B)), A) -> optional(B)",
        "size(string) -> int; size(bytes) -> int; size(list(A)) -> int; size(map(A, B)) -> int",
        "string.size() -> int; bytes.size() -> int; list(A).size() -> int; map(A, B).size() -> int",
        "list(A).distinct() -> list(A); list(A).reverse() -> list(A); sum(list(A)) -> A",
        "merge(map(A, B), map(A, B)) -> map(A, B)",
    ]

    private static let conversions = [
        "type(A) -> type(A); dyn(A) -> dyn; bool(bool) -> bool; bool(string) -> bool",
        "int(int) -> int; int(uint) -> int; int(double) -> int; int(string) -> int; int(timestamp) -> int; int(decimal) -> int",
        "uint(uint) -> uint; uint(int) -> uint; uint(double) -> uint; uint(string) -> uint",
        "double(double) -> double; double(int) -> double; double(uint) -> double; double(string) -> double",
        "string(string) -> string; string(bool) -> string; string(int) -> string; string(uint) -> string",
        "string(double) -> string; string(bytes) -> string; string(timestamp) -> string; string(duration) -> string",
        "string(decimal) -> string; string(money) -> string; string(type(A)) -> string",
        "bytes(bytes) -> bytes; bytes(string) -> bytes",
        "timestamp(timestamp) -> timestamp; timestamp(string) -> timestamp; timestamp(int) -> timestamp",
        "duration(duration) -> duration; duration(string) -> duration; duration(int) -> duration",
        "base64.encode(bytes) -> string; base64.decode(string) -> bytes",
    ]

    private static let texts = [
        "string.contains(string) -> bool; string.startsWith(string) -> bool; string.endsWith(string) -> bool",
        "string.matches(string) -> bool; matches(string, string) -> bool",
        "string.charAt(int) -> string; string.substring(int) -> string; string.substring(int, int) -> string",
        "string.indexOf(string) -> int; string.indexOf(string, int) -> int",
        "string.lastIndexOf(string) -> int; string.lastIndexOf(string, int) -> int",
        "string.lowerAscii() -> string; string.upperAscii() -> string; string.reverse() -> string; string.trim() -> string",
        "string.replace(string, string) -> string; string.replace(string, string, int) -> string",
        "string.split(string) -> list(string); string.split(string, int) -> list(string)",
        "list(string).join() -> string; list(string).join(string) -> string",
        "string.format(list(dyn)) -> string; strings.quote(string) -> string",
    ]

    private static let times =
        TimePart.allCases.map { "timestamp.\($0.rawValue)() -> int; timestamp.\($0.rawValue)(string) -> int" }
        + [TimePart.hours, .minutes, .seconds, .milliseconds].map { "duration.\($0.rawValue)() -> int" }

    private static let numbers =
        ["ceil", "floor", "round", "trunc"].map { "math.\($0)(double) -> double" }
        + ["isInf", "isNaN", "isFinite"].map { "math.\($0)(double) -> bool" }
        + [
            "math.abs(int) -> int; math.abs(uint) -> uint; math.abs(double) -> double; math.abs(decimal) -> decimal",
            "math.sign(int) -> int; math.sign(uint) -> uint; math.sign(double) -> double",
            "math.sqrt(double) -> double; math.sqrt(int) -> double; math.sqrt(uint) -> double",
            "math.bitNot(int) -> int; math.bitNot(uint) -> uint",
        ]
        + ["bitAnd", "bitOr", "bitXor"].map { "math.\($0)(int, int) -> int; math.\($0)(uint, uint) -> uint" }
        + ["bitShiftLeft", "bitShiftRight"].map { "math.\($0)(int, int) -> int; math.\($0)(uint, int) -> uint" }
        + ["greatest", "least"].map { "math.\($0)(A) -> A" }

    private static let optionals = [
        "optional.of(A) -> optional(A); optional.ofNonZeroValue(A) -> optional(A); optional.none() -> optional(A)",
        "optional(A).hasValue() -> bool; optional(A).value() -> A; optional(A).or(optional(A)) -> optional(A)",
        "optional(A).orValue(A) -> A; list(A).first() -> optional(A); list(A).last() -> optional(A)",
        "optional.unwrap(list(optional(A))) -> list(A); list(optional(A)).unwrapOpt() -> list(A)",
    ]

    private static let exact = [
        "decimal(decimal) -> decimal; decimal(int) -> decimal; decimal(uint) -> decimal; decimal(string) -> decimal",
        "money(money) -> money; money(map(string, dyn)) -> money; money(string, string) -> money; money(int, string) -> money",
        "money(decimal, string) -> money; money.amount() -> decimal; money.currency() -> string",
        "div(decimal, decimal, int, string) -> decimal; div(decimal, int, int, string) -> decimal",
        "div(int, decimal, int, string) -> decimal; div(int, int, int, string) -> decimal",
        "round(decimal, int, string) -> decimal; round(int, int, string) -> decimal",
        "abs(decimal) -> decimal; abs(money) -> money; abs(int) -> int",
    ]
}
