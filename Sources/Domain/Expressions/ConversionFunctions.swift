import Kernel

/// Conversions between types, and what asks for a type.
enum ConversionFunctions {
    static func add(to table: inout FunctionTable) {
        table.add("type", .global, 1) { arguments, _ throws(NoValue) in .type(arguments[0].typeName) }
        table.add("dyn", .global, 1) { arguments, _ throws(NoValue) in arguments[0] }
        table.add("bool", .global, 1) { arguments, _ throws(NoValue) in try bool(arguments[0]) }
        table.add("int", .global, 1) { arguments, _ throws(NoValue) in try int(arguments[0]) }
        table.add("uint", .global, 1) { arguments, _ throws(NoValue) in try uint(arguments[0]) }
        table.add("double", .global, 1) { arguments, _ throws(NoValue) in try double(arguments[0]) }
        table.add("string", .global, 1) { arguments, call throws(NoValue) in try string(arguments[0], &call) }
        table.add("bytes", .global, 1) { arguments, call throws(NoValue) in
            switch arguments[0] {
            case .bytes: return arguments[0]
            case .string(let text):
                call.traverse(text.utf8.count)
                return .bytes(Array(text.utf8))
            default: throw NoValue.overload("bytes", arguments)
            }
        }
    }

    private static func bool(_ value: CELValue) throws(NoValue) -> CELValue {
        switch value {
        case .bool: return value
        case .string(let text):
            switch text {
            case "1", "t", "true", "TRUE", "True": return .bool(true)
            case "0", "f", "false", "FALSE", "False": return .bool(false)
            default: throw NoValue("Type conversion error: a text that is no bool")
            }
        default: throw NoValue.overload("bool", [value])
        }
    }

    private static func int(_ value: CELValue) throws(NoValue) -> CELValue {
        switch value {
        case .int: return value
        case .uint(let number):
            guard let whole = Int64(exactly: number) else { throw NoValue("range: the number does not fit an int") }
            return .int(whole)
        case .double(let number):
            guard number > -9_223_372_036_854_775_808, number < 9_223_372_036_854_775_808 else {
                throw NoValue("range: the number does not fit an int")
            }
            return .int(Int64(number))
        case .decimal(let number):
            guard let whole = Int64(exactly: number.rounded(scale: 0, .down).mantissa) else {
                throw NoValue("range: the number does not fit an int")
            }
            return .int(whole)
        case .string(let text):
            guard let number = Int64(text) else { throw NoValue("a text that is no int") }
            return .int(number)
        case .timestamp(let instant): return .int(instant.seconds)
        default: throw NoValue.overload("int", [value])
        }
    }

    private static func uint(_ value: CELValue) throws(NoValue) -> CELValue {
        switch value {
        case .uint: return value
        case .int(let number):
            guard let whole = UInt64(exactly: number) else { throw NoValue("range: the number does not fit a uint") }
            return .uint(whole)
        case .double(let number):
            guard number >= 0, number < 18_446_744_073_709_551_616 else { throw NoValue("range: the number does not fit a uint") }
            return .uint(UInt64(number))
        case .string(let text):
            guard let number = UInt64(text) else { throw NoValue("a text that is no uint") }
            return .uint(number)
        default: throw NoValue.overload("uint", [value])
        }
    }

    private static func double(_ value: CELValue) throws(NoValue) -> CELValue {
        switch value {
        case .double: return value
        case .int(let number): return .double(Double(number))
        case .uint(let number): return .double(Double(number))
        case .string(let text):
            guard let number = Double(text) else { throw NoValue("a text that is no double") }
            return .double(number)
        case .decimal: throw NoValue("a decimal is never turned into a double")
        default: throw NoValue.overload("double", [value])
        }
    }

    private static func string(_ value: CELValue, _ call: inout CallContext) throws(NoValue) -> CELValue {
        switch value {
        case .string: return value
        case .bool(let flag): return .string(flag ? "true" : "false")
        case .int(let number): return .string(String(number))
        case .uint(let number): return .string(String(number))
        case .double(let number):
            return .string(ECMAScriptNumber.text(of: number) ?? (number.isNaN ? "NaN" : number < 0 ? "-Infinity" : "+Infinity"))
        case .bytes(let bytes):
            call.traverse(bytes.count)
            guard let text = String(validating: bytes, as: UTF8.self) else { throw NoValue("invalid UTF-8 in bytes") }
            return .string(text)
        case .timestamp(let instant): return .string(instant.text)
        case .duration(let span): return .string(span.text)
        case .decimal(let number): return .string(number.description)
        case .money(let money): return .string(money.description)
        case .type(let name): return .string(name)
        case .null, .list, .map, .optional: throw NoValue.overload("string", [value])
        }
    }
}

/// Timestamps, durations and their parts.
enum TimeFunctions {
    static func add(to table: inout FunctionTable) {
        table.add("timestamp", .global, 1) { arguments, _ throws(NoValue) in
            switch arguments[0] {
            case .timestamp: return arguments[0]
            case .string(let text):
                guard let instant = CELTimestamp(text) else {
                    throw NoValue("range: a text that is no timestamp of the years 1 to 9999")
                }
                return .timestamp(instant)
            case .int(let seconds):
                guard let instant = CELTimestamp(seconds: seconds, nanos: 0) else { throw NoValue("timestamp out of range") }
                return .timestamp(instant)
            default: throw NoValue.overload("timestamp", arguments)
            }
        }
        table.add("duration", .global, 1) { arguments, _ throws(NoValue) in
            switch arguments[0] {
            case .duration: return arguments[0]
            case .string(let text):
                guard let span = CELDuration(text) else { throw NoValue("range: a text that is no duration") }
                return .duration(span)
            case .int(let seconds):
                guard let span = CELDuration(totalNanos: Int128(seconds) * 1_000_000_000) else {
                    throw NoValue("duration out of range")
                }
                return .duration(span)
            default: throw NoValue.overload("duration", arguments)
            }
        }
        for part in TimePart.allCases {
            table.add(part.rawValue, .member, 0...1) { arguments, call throws(NoValue) in
                switch arguments[0] {
                case .timestamp(let instant):
                    guard arguments.count == 2 else { return .int(try instant.part(part, zone: nil, nil)) }
                    guard case .string(let zone) = arguments[1] else { throw NoValue.overload(part.rawValue, arguments) }
                    return .int(try instant.part(part, zone: zone, call.zones))
                case .duration(let span) where arguments.count == 1: return .int(try span.part(part))
                default: throw NoValue.overload(part.rawValue, arguments)
                }
            }
        }
    }
}
