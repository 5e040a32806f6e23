import Kernel

/// Functions over text: those of the language and of its `strings` extension. Positions count code points.
enum TextFunctions {
    static func add(to table: inout FunctionTable) {
        addSearches(to: &table)
        addPositions(to: &table)
        addRewrites(to: &table)
        addLists(to: &table)
    }

    private static func text(_ value: CELValue, _ function: String, _ arguments: [CELValue]) throws(NoValue) -> String {
        guard case .string(let text) = value else { throw NoValue.overload(function, arguments) }
        return text
    }

    private static func number(_ value: CELValue, _ function: String, _ arguments: [CELValue]) throws(NoValue) -> Int {
        guard case .int(let number) = value else { throw NoValue.overload(function, arguments) }
        return Int(number)
    }

    private static func addSearches(to table: inout FunctionTable) {
        let searches: [(String, @Sendable (String, String) -> Bool)] = [
            ("startsWith", { $0.utf8.starts(with: $1.utf8) }),
            ("endsWith", { $0.utf8.count >= $1.utf8.count && $0.utf8.suffix($1.utf8.count).elementsEqual($1.utf8) }),
            ("contains", { position(of: Array($1.utf8), in: Array($0.utf8), from: 0) != nil }),
        ]
        for (name, search) in searches {
            table.add(name, .member, 1) { arguments, call throws(NoValue) in
                let whole = try text(arguments[0], name, arguments)
                let part = try text(arguments[1], name, arguments)
                if name == "contains" {
                    try call.search(whole.utf8.count, for: part.utf8.count)
                } else {
                    call.traverse(part.utf8.count)
                }
                return .bool(search(whole, part))
            }
        }
        table.add("matches", .either, 2) { arguments, call throws(NoValue) in
            let whole = try text(arguments[0], "matches", arguments)
            let pattern = try text(arguments[1], "matches", arguments)
            let compiled = try PatternCache.shared.pattern(pattern)
            try call.spend(compiled.cost(of: whole))
            return .bool(compiled.matches(whole))
        }
    }

    private static func addPositions(to table: inout FunctionTable) {
        table.add("charAt", .member, 1) { arguments, call throws(NoValue) in
            let scalars = Array(try text(arguments[0], "charAt", arguments).unicodeScalars)
            let at = try number(arguments[1], "charAt", arguments)
            call.traverse(scalars.count)
            guard at >= 0, at <= scalars.count else { throw NoValue("index out of range: \(at)") }
            return .string(at == scalars.count ? "" : String(Character(scalars[at])))
        }
        table.add("substring", .member, 1...2) { arguments, call throws(NoValue) in
            let scalars = Array(try text(arguments[0], "substring", arguments).unicodeScalars)
            let start = try number(arguments[1], "substring", arguments)
            let end = arguments.count == 3 ? try number(arguments[2], "substring", arguments) : scalars.count
            call.traverse(scalars.count)
            guard start >= 0, start <= scalars.count else { throw NoValue("index out of range: \(start)") }
            guard end >= 0, end <= scalars.count else { throw NoValue("index out of range: \(end)") }
            guard start <= end else { throw NoValue("invalid substring range. start: \(start), end: \(end)") }
            return .string(string(scalars[start..<end]))
        }
        table.add("indexOf", .member, 1...2) { arguments, call throws(NoValue) in
            let scalars = Array(try text(arguments[0], "indexOf", arguments).unicodeScalars)
            let part = Array(try text(arguments[1], "indexOf", arguments).unicodeScalars)
            let from = arguments.count == 3 ? try number(arguments[2], "indexOf", arguments) : 0
            try call.search(scalars.count, for: part.count)
            guard from >= 0, from <= scalars.count || part.isEmpty == false else { throw NoValue("index out of range: \(from)") }
            if part.isEmpty { return .int(Int64(from)) }
            return .int(Int64(position(of: part, in: scalars, from: from) ?? -1))
        }
        table.add("lastIndexOf", .member, 1...2) { arguments, call throws(NoValue) in
            let scalars = Array(try text(arguments[0], "lastIndexOf", arguments).unicodeScalars)
            let part = Array(try text(arguments[1], "lastIndexOf", arguments).unicodeScalars)
            try call.search(scalars.count, for: part.count)
            var latest = scalars.count - part.count
            if arguments.count == 3 {
                let from = try number(arguments[2], "lastIndexOf", arguments)
                guard from >= 0, from <= scalars.count else { throw NoValue("index out of range: \(from)") }
                latest = min(latest, from)
            }
            guard latest >= 0 else { return .int(-1) }
            for start in stride(from: latest, through: 0, by: -1) where scalars[start..<start + part.count].elementsEqual(part) {
                return .int(Int64(start))
            }
            return .int(-1)
        }
    }

    private static func addRewrites(to table: inout FunctionTable) {
        let rewrites: [(String, @Sendable ([Unicode.Scalar]) -> [Unicode.Scalar])] = [
            ("lowerAscii", { $0.map { ("A"..."Z").contains($0) ? Unicode.Scalar(UInt8($0.value) + 32) : $0 } }),
            ("upperAscii", { $0.map { ("a"..."z").contains($0) ? Unicode.Scalar(UInt8($0.value) - 32) : $0 } }),
            ("reverse", { $0.reversed() }), ("trim", { trimmed($0) }),
        ]
        for (name, rewrite) in rewrites {
            table.add(name, .member, 0) { arguments, call throws(NoValue) in
                if name == "reverse", case .list(let list) = arguments[0] {
                    call.cost += UInt64(list.count)
                    return .list(list.reversed())
                }
                let scalars = Array(try text(arguments[0], name, arguments).unicodeScalars)
                call.traverse(scalars.count)
                return .string(string(rewrite(scalars)[...]))
            }
        }
        table.add("replace", .member, 2...3) { arguments, call throws(NoValue) in
            let whole = Array(try text(arguments[0], "replace", arguments).utf8)
            let part = Array(try text(arguments[1], "replace", arguments).utf8)
            let other = Array(try text(arguments[2], "replace", arguments).utf8)
            let limit = arguments.count == 4 ? try number(arguments[3], "replace", arguments) : -1
            try call.search(whole.count, for: part.count)
            let out = replace(part, in: Array(String(decoding: whole, as: UTF8.self).unicodeScalars), by: other, limit: limit)
            guard let out, out.count <= ExpressionBounds.stringBytesMax else { throw NoValue("the text grows too long") }
            call.traverse(out.count)
            return .string(String(decoding: out, as: UTF8.self))
        }
        table.add("strings.quote", .global, 1) { arguments, call throws(NoValue) in
            let whole = try text(arguments[0], "strings.quote", arguments)
            call.traverse(whole.utf8.count)
            return .string(quoted(whole))
        }
    }

    private static func addLists(to table: inout FunctionTable) {
        table.add("split", .member, 1...2) { arguments, call throws(NoValue) in
            let whole = Array(try text(arguments[0], "split", arguments).unicodeScalars)
            let separator = Array(try text(arguments[1], "split", arguments).unicodeScalars)
            let limit = arguments.count == 3 ? try number(arguments[2], "split", arguments) : -1
            try call.search(whole.count, for: separator.count)
            let parts = split(whole, by: separator, limit: limit)
            guard parts.count <= ExpressionBounds.listItemsMax else { throw NoValue("the list grows too long") }
            return .list(parts)
        }
        table.add("join", .member, 0...1) { arguments, call throws(NoValue) in
            guard case .list(let list) = arguments[0] else { throw NoValue.overload("join", arguments) }
            let separator = arguments.count == 2 ? try text(arguments[1], "join", arguments) : ""
            var out = ""
            for (position, item) in list.enumerated() {
                if position > 0 { out += separator }
                out += try text(item, "join", arguments)
                guard out.utf8.count <= ExpressionBounds.stringBytesMax else { throw NoValue("the text grows too long") }
            }
            call.traverse(out.utf8.count)
            return .string(out)
        }
    }

    private static func string(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        var out = ""
        out.unicodeScalars.append(contentsOf: scalars)
        return out
    }

    private static func position<Element: Equatable>(of part: [Element], in whole: [Element], from start: Int) -> Int? {
        guard part.count <= whole.count else { return nil }
        var at = start
        while at <= whole.count - part.count {
            var length = 0
            while length < part.count, whole[at + length] == part[length] { length += 1 }
            if length == part.count { return at }
            at += 1
        }
        return nil
    }

    private static func trimmed(_ scalars: [Unicode.Scalar]) -> [Unicode.Scalar] {
        let kept = scalars.drop { $0.properties.isWhitespace }
        return Array(kept.reversed().drop { $0.properties.isWhitespace }.reversed())
    }

    /// Nil when the result would leave the bound. An empty part is found before every code point and at the end.
    private static func replace(_ part: [UInt8], in whole: [Unicode.Scalar], by other: [UInt8], limit: Int) -> [UInt8]? {
        let wanted = Array(String(decoding: part, as: UTF8.self).unicodeScalars)
        var out: [UInt8] = []
        var done = 0
        var at = 0
        while at <= whole.count {
            let fits = at + wanted.count <= whole.count && whole[at..<at + wanted.count].elementsEqual(wanted)
            if fits, limit < 0 || done < limit {
                out.append(contentsOf: other)
                done += 1
                if !wanted.isEmpty {
                    at += wanted.count
                    continue
                }
            }
            if at < whole.count { out.append(contentsOf: String(Character(whole[at])).utf8) }
            at += 1
            guard out.count <= ExpressionBounds.stringBytesMax else { return nil }
        }
        return out
    }

    private static func split(_ whole: [Unicode.Scalar], by separator: [Unicode.Scalar], limit: Int) -> [CELValue] {
        guard limit != 0 else { return [] }
        if limit == 1 { return [.string(string(whole[...]))] }
        var out: [CELValue] = []
        var start = 0
        if separator.isEmpty {
            while start < whole.count, limit < 0 || out.count < limit - 1 {
                out.append(.string(String(Character(whole[start]))))
                start += 1
            }
            if start < whole.count { out.append(.string(string(whole[start...]))) }
            return out
        }
        while limit < 0 || out.count < limit - 1, let at = position(of: separator, in: whole, from: start) {
            out.append(.string(string(whole[start..<at])))
            start = at + separator.count
        }
        out.append(.string(string(whole[start...])))
        return out
    }

    private static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\u{07}": out += "\\a"
            case "\u{08}": out += "\\b"
            case "\u{0C}": out += "\\f"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case "\u{0B}": out += "\\v"
            case "\\": out += "\\\\"
            case "\"": out += "\\\""
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}
