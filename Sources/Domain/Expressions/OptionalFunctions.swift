import Kernel

/// Optional values: `a.?b`, `optional.of(x)`, and what may be asked of them. `or` and `orValue` are the planner's, since they
/// look at their argument only when it is needed.
enum OptionalFunctions {
    static func add(to table: inout FunctionTable) {
        table.add("optional.of", .global, 1) { arguments, _ throws(NoValue) in .optional(arguments[0]) }
        table.add("optional.none", .global, 0) { _, _ throws(NoValue) in .optional(nil) }
        table.add("optional.ofNonZeroValue", .global, 1) { arguments, _ throws(NoValue) in
            .optional(arguments[0].isZero ? nil : arguments[0])
        }
        table.add("hasValue", .member, 0) { arguments, _ throws(NoValue) in
            guard case .optional(let value) = arguments[0] else { throw NoValue.overload("hasValue", arguments) }
            return .bool(value != nil)
        }
        table.add("value", .member, 0) { arguments, _ throws(NoValue) in
            guard case .optional(let value) = arguments[0] else { throw NoValue.overload("value", arguments) }
            guard let value else { throw NoValue("an empty optional has no value") }
            return value
        }
        addLists(to: &table)
    }

    private static func addLists(to table: inout FunctionTable) {
        for (name, isFirst) in [("first", true), ("last", false)] {
            table.add(name, .member, 0) { arguments, _ throws(NoValue) in
                guard case .list(let list) = arguments[0] else { throw NoValue.overload(name, arguments) }
                return .optional(isFirst ? list.first : list.last)
            }
        }
        for (name, style) in [("optional.unwrap", FunctionTable.Style.global), ("unwrapOpt", .member)] {
            table.add(name, style, style == .global ? 1 : 0) { arguments, call throws(NoValue) in
                guard case .list(let list) = arguments[0] else { throw NoValue.overload(name, arguments) }
                call.cost += UInt64(list.count)
                var out: [CELValue] = []
                for item in list {
                    guard case .optional(let value) = item else { throw NoValue.overload(name, arguments) }
                    if let value { out.append(value) }
                }
                return .list(out)
            }
        }
    }
}

extension CELValue {
    /// What a type has instead of nothing: null, false, 0, empty.
    var isZero: Bool {
        switch self {
        case .null: true
        case .bool(let flag): !flag
        case .int(let number): number == 0
        case .uint(let number): number == 0
        case .double(let number): number == 0
        case .string(let text): text.utf8.isEmpty
        case .bytes(let bytes): bytes.isEmpty
        case .list(let list): list.isEmpty
        case .map(let map): map.count == 0
        case .duration(let span): span.nanos == 0
        case .decimal(let number): number.isZero
        case .money(let money): money.minorUnits == 0
        case .timestamp(let instant): instant.seconds == CELTimestamp.secondsMin && instant.nanos == 0
        case .optional(let value): value == nil
        case .type: false
        }
    }
}
