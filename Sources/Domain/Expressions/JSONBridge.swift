package import Kernel

extension CELValue {
    /// Lifts a JSON value. Whole numbers become `int`; numbers with a fraction become exact decimals, which no double may meet;
    /// only a number with an exponent is a double. Arrays and objects are lifted as they are read.
    package init(_ json: JSONValue) {
        switch json {
        case .null: self = .null
        case .bool(let flag): self = .bool(flag)
        case .string(let text): self = .string(text)
        case .array(let items): self = .list(CELList(json: items))
        case .object(let object): self = .map(CELMap(json: object))
        case .number(let number):
            if let whole = number.int64 {
                self = .int(whole)
            } else if let exact = ExactDecimal(number.text) {
                self = .decimal(exact)
            } else if let double = Double(number.text) {
                self = .double(double)
            } else {
                self = .null
            }
        }
    }

    /// The value as JSON: decimals, timestamps and durations as text, bytes in base64, an empty optional as null,
    /// money as `{amount, currency}`.
    ///
    /// Throws when JSON has no form for it: a double that is not finite, a map key that is no text.
    package func json(at offset: Int = 0) throws(ExpressionFailure) -> JSONValue {
        switch self {
        case .null: return .null
        case .bool(let flag): return .bool(flag)
        case .int(let number): return .number(JSONNumber(number))
        case .uint(let number): return .number(JSONNumber(unchecked: String(number)))
        case .double(let number):
            guard let text = ECMAScriptNumber.text(of: number) else {
                throw ExpressionFailure(.evaluation, "JSON has no number that is not finite.", at: offset)
            }
            return .number(JSONNumber(unchecked: text))
        case .string(let text): return .string(text)
        case .bytes(let bytes): return .string(Base64.encode(bytes))
        case .type(let name): return .string(name)
        case .timestamp(let instant): return .string(instant.text)
        case .duration(let span): return .string(span.text)
        case .decimal(let number): return .string(number.description)
        case .optional(let value): return try value?.json(at: offset) ?? .null
        case .money(let money):
            return ["amount": .string(money.decimalText), "currency": .string(money.currency.code)]
        case .list(let list):
            var out: [JSONValue] = []
            out.reserveCapacity(list.count)
            for item in list { out.append(try item.json(at: offset)) }
            return .array(out)
        case .map(let map):
            var out: [(key: String, value: JSONValue)] = []
            for item in map.items { out.append((key: try item.key.jsonKey(at: offset), value: try item.value.json(at: offset))) }
            return .object(JSONObject(out))
        }
    }

    private func jsonKey(at offset: Int) throws(ExpressionFailure) -> String {
        switch self {
        case .string(let text): return text
        case .int(let number): return String(number)
        case .uint(let number): return String(number)
        case .bool(let flag): return flag ? "true" : "false"
        case .null, .double, .bytes, .list, .map, .type, .timestamp, .duration, .decimal, .money, .optional:
            throw ExpressionFailure(.evaluation, "A map key of type \(typeName) has no form in JSON.", at: offset)
        }
    }
}
