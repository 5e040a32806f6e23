import Kernel

/// Sizes, and what we add for lists and maps.
enum CollectionFunctions {
    static func add(to table: inout FunctionTable) {
        table.add("size", .either, 1) { arguments, call throws(NoValue) in
            switch arguments[0] {
            case .string(let text):
                call.traverse(text.utf8.count)
                return .int(Int64(text.unicodeScalars.count))
            case .bytes(let bytes): return .int(Int64(bytes.count))
            case .list(let list): return .int(Int64(list.count))
            case .map(let map): return .int(Int64(map.count))
            default: throw NoValue.overload("size", arguments)
            }
        }
        table.add("merge", .global, 2) { arguments, call throws(NoValue) in
            guard case .map(let left) = arguments[0], case .map(let right) = arguments[1] else {
                throw NoValue.overload("merge", arguments)
            }
            call.cost += UInt64(left.count + right.count)
            let kept = left.items.filter { right[$0.key] == nil }
            guard let merged = CELMap(kept + right.items) else { throw NoValue("maps that cannot be merged") }
            return .map(merged)
        }
        table.add("sum", .global, 1) { arguments, call throws(NoValue) in
            guard case .list(let list) = arguments[0] else { throw NoValue.overload("sum", arguments) }
            guard var total = list.first else { throw NoValue("the sum of an empty list has no type; write sum([zero] + list)") }
            guard total.isNumber || total.typeName == "money" else { throw NoValue.overload("sum", arguments) }
            for item in list.dropFirst() { total = try Operators.apply(.add, total, item, &call.cost) }
            return total
        }
        table.add("distinct", .member, 0) { arguments, call throws(NoValue) in
            guard case .list(let list) = arguments[0] else { throw NoValue.overload("distinct", arguments) }
            var out: [CELValue] = []
            for item in list {
                var isKnown = false
                for known in out where !isKnown { isKnown = try item.isEqual(to: known, &call.cost) }
                if !isKnown { out.append(item) }
                // Quadratic by nature: what it costs is charged as it grows.
                guard call.cost <= ExpressionBounds.costMaxStandard else { throw NoValue("the list is too long for distinct()") }
            }
            return .list(out)
        }
        table.add("base64.encode", .global, 1) { arguments, call throws(NoValue) in
            guard case .bytes(let bytes) = arguments[0] else { throw NoValue.overload("base64.encode", arguments) }
            call.traverse(bytes.count)
            return .string(Base64.encode(bytes))
        }
        table.add("base64.decode", .global, 1) { arguments, call throws(NoValue) in
            guard case .string(let text) = arguments[0] else { throw NoValue.overload("base64.decode", arguments) }
            call.traverse(text.utf8.count)
            let missing = (4 - text.utf8.count % 4) % 4
            let padded = text.hasSuffix("=") ? text : text + String(repeating: "=", count: missing)
            guard let bytes = Base64.decode(padded) else { throw NoValue("a text that is no base64") }
            return .bytes(bytes)
        }
    }
}
