import Kernel

extension MappingNode {
    /// One value read in a form, with its bounds.
    struct Take: Sendable {
        /// A path, or something made first.
        enum Source: Sendable, CustomStringConvertible {
            case path(ValuePath)
            case node(MappingNode)

            var description: String {
                switch self {
                case .path(let path): path.description
                case .node: "what is computed"
                }
            }
        }

        let source: Source
        let form: ScalarForm
        let currency: ValuePath?
        let unit: ValuePath?
        /// Value as text → value; a text that is not listed fails, unless `otherwise` is given.
        let words: [String: JSONValue]
        let otherwise: JSONValue?
        let absence: Absence
        /// UTF-8 bytes; a longer text is refused and never cut.
        let bytesMax: Int?
        /// Digits after and before the point; a finer or larger number is refused and never rounded.
        let decimalsMax: Int?
        let wholeDigitsMax: Int?
        /// Exact factor, such as 0.01 between percent and share.
        let times: ExactDecimal?
        /// One of the mapping's types, in which the value is wrapped.
        let type: String?
    }
}

extension MappingNode.Take {
    func make(_ scope: MappingScope, _ place: String) throws(MappingFailure) -> MappingNode.Made {
        guard let raw = try raw(scope, place), raw != .string("") else {
            if let otherwise { return .value(otherwise) }
            return try .absent(absence, place: place, "\(source) has no value")
        }
        var value: JSONValue
        do {
            value = try form.read(raw).get()
        } catch {
            throw MappingFailure(place: place, message: "\(error.message) at \(source)")
        }
        if let times { value = try multiplied(value, by: times, place) }
        if let most = bytesMax, let text = value.string, text.utf8.count > most {
            throw MappingFailure(
                place: place, message: "the text at \(source) has \(text.utf8.count) bytes, and the other side takes \(most)",
                code: MappingFailure.limit)
        }
        if decimalsMax != nil || wholeDigitsMax != nil { value = try fitting(value, place) }
        if !words.isEmpty {
            guard let word = value.string ?? value.bool.map({ $0 ? "true" : "false" }) ?? value.int.map(String.init) else {
                throw MappingFailure(place: place, message: "a word is due at \(source)")
            }
            guard let mapped = words[word] ?? otherwise else {
                throw MappingFailure(place: place, message: "the word at \(source) is not among those the mapping knows")
            }
            return .value(mapped)
        }
        guard let type else { return .value(try qualified(value, scope, place)) }
        guard let node = scope.library.types[type] else {
            throw MappingFailure(place: place, message: "the mapping has no type \(type)")
        }
        return try node.make(scope.entering(value), place)
    }

    private func raw(_ scope: MappingScope, _ place: String) throws(MappingFailure) -> JSONValue? {
        switch source {
        case .path(let path): return path.value(in: scope)
        case .node(let node):
            guard case .value(let value) = try node.make(scope, place) else { return nil }
            return value
        }
    }

    private func multiplied(
        _ value: JSONValue, by factor: ExactDecimal, _ place: String
    ) throws(MappingFailure) -> JSONValue {
        // The one way to fail is a product of more digits than any number of ours has, and the guard says so.
        guard let number = MappingNode.Take.number(value), let product = try? number.multiplied(by: factor) else {
            throw MappingFailure(place: place, message: "the number at \(source) cannot be multiplied exactly")
        }
        return written(product.normalized, like: value)
    }

    /// The number within the other side's digits. Zeros at the end may go, for the number stays the same.
    private func fitting(_ value: JSONValue, _ place: String) throws(MappingFailure) -> JSONValue {
        guard let number = MappingNode.Take.number(value) else { return value }
        let plain = number.normalized
        let shown = String(describing: plain)
        if let most = decimalsMax, plain.scale > most {
            throw MappingFailure(
                place: place,
                message: "\(shown) at \(source) has \(plain.scale) decimals, and the other side takes \(most)",
                code: MappingFailure.limit)
        }
        let whole = shown.drop { $0 == "-" }.prefix { $0 != "." }.utf8.count
        if let most = wholeDigitsMax, whole > most {
            throw MappingFailure(
                place: place,
                message: "\(shown) at \(source) has \(whole) digits before the point, and the other side takes \(most)",
                code: MappingFailure.limit)
        }
        guard let most = decimalsMax, number.scale > most else { return value }
        return written(number.rounded(scale: most, .down), like: value)
    }

    private func written(_ number: ExactDecimal, like value: JSONValue) -> JSONValue {
        let text = String(describing: number)
        if case .number = value { return .number(JSONNumber(unchecked: text)) }
        return .string(text)
    }

    static func number(_ value: JSONValue) -> ExactDecimal? {
        switch value {
        case .string(let text): ExactDecimal(text)
        case .number(let number): ExactDecimal(number.text)
        case .null, .bool, .array, .object: nil
        }
    }

    private func qualified(
        _ value: JSONValue, _ scope: MappingScope, _ place: String
    ) throws(MappingFailure) -> JSONValue {
        if let currency {
            guard let code = currency.value(in: scope)?.string.flatMap({ Currency($0) }) else {
                throw MappingFailure(place: place, message: "no currency of ISO 4217 at \(currency)")
            }
            return ["amount": value, "currency": .string(code.code)]
        }
        if let unit {
            guard let code = unit.value(in: scope)?.string else {
                throw MappingFailure(place: place, message: "no unit at \(unit)")
            }
            return ["value": value, "unit": .string(code)]
        }
        return value
    }
}
