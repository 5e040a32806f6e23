import Kernel

/// The members of one JSON object, read one by one; whatever is wrong becomes an issue with its pointer.
///
/// A member that is null counts as absent. Unknown members are issues, since a misspelt `pauseReason` would otherwise change a
/// promise without anyone noticing.
struct DocumentFields {
    let object: JSONObject
    let pointer: String

    /// Nil, with an issue, when the value is no object.
    init?(_ json: JSONValue, at pointer: String, known: [String], issues: inout [AssetIssue]) {
        guard let object = json.object else {
            issues.append(AssetIssue(pointer, "An object is expected here.", remedy: "Write {…} with \(list(known))."))
            return nil
        }
        self.object = object
        self.pointer = pointer
        for key in object.keys where !known.contains(where: { sameBytes($0, key) }) {
            let near = nearest(to: key, among: known)
            issues.append(
                AssetIssue(
                    child(key), "\(shown(key)) is not known here.",
                    remedy: near.map { "Did you mean \($0)?" } ?? "Known are \(list(known))."))
        }
    }

    func child(_ key: String) -> String { pointer + "/" + AssetIssue.token(key) }

    /// The member unless it is absent or null.
    func value(_ key: String) -> JSONValue? {
        guard let value = object[key], !value.isNull else { return nil }
        return value
    }

    func required(_ key: String, _ meaning: String, issues: inout [AssetIssue]) -> JSONValue? {
        if let value = value(key) { return value }
        issues.append(AssetIssue(child(key), "\(key) is missing.", remedy: "Give \(meaning)."))
        return nil
    }

    /// A text of 1 to 200 bytes.
    func text(_ key: String, isRequired: Bool = true, issues: inout [AssetIssue]) -> String? {
        guard let value = isRequired ? required(key, "a text", issues: &issues) : value(key) else { return nil }
        return readText(value, at: child(key), issues: &issues)
    }

    /// One of the listed words.
    func word(_ key: String, of words: [String], isRequired: Bool = true, issues: inout [AssetIssue]) -> String? {
        guard let text = text(key, isRequired: isRequired, issues: &issues) else { return nil }
        guard words.contains(text) else {
            let near = nearest(to: text, among: words)
            issues.append(
                AssetIssue(
                    child(key), "\(shown(text)) is not one of \(list(words)).",
                    remedy: near.map { "Did you mean \($0)?" } ?? "Use one of them."))
            return nil
        }
        return text
    }

    /// A whole number in `range`.
    func whole(_ key: String, in range: ClosedRange<Int64>, isRequired: Bool = true, issues: inout [AssetIssue]) -> Int64? {
        guard let value = isRequired ? required(key, "a whole number", issues: &issues) : value(key) else { return nil }
        return readWhole(value, at: child(key), in: range, issues: &issues)
    }

    func moment(_ key: String, isRequired: Bool = true, issues: inout [AssetIssue]) -> Moment? {
        guard let value = isRequired ? required(key, "an instant with its offset", issues: &issues) : value(key) else {
            return nil
        }
        return readMoment(value, at: child(key), issues: &issues)
    }

    /// A plain decimal as text or number, exact; such as `"0.999"`.
    func decimal(_ key: String, isRequired: Bool = true, issues: inout [AssetIssue]) -> ExactDecimal? {
        guard let value = isRequired ? required(key, "a decimal such as \"0.999\"", issues: &issues) : value(key) else {
            return nil
        }
        return readDecimal(value, at: child(key), issues: &issues)
    }

    /// The items of an array with their pointers; empty when the member is absent and may be.
    func items(
        _ key: String, max: Int, isRequired: Bool = false, issues: inout [AssetIssue]
    ) -> [(value: JSONValue, pointer: String)] {
        guard let value = isRequired ? required(key, "a list", issues: &issues) : value(key) else { return [] }
        return readItems(value, at: child(key), max: max, issues: &issues)
    }
}

func readText(_ value: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> String? {
    guard let text = value.string, !text.isEmpty, text.utf8.count <= ServiceBounds.nameBytesMax else {
        issues.append(
            AssetIssue(
                pointer, "A text is expected here.", remedy: "Write 1 to \(ServiceBounds.nameBytesMax) bytes in quotation marks.")
        )
        return nil
    }
    return text
}

func readWhole(_ value: JSONValue, at pointer: String, in range: ClosedRange<Int64>, issues: inout [AssetIssue]) -> Int64? {
    guard let number = value.int64, range.contains(number) else {
        issues.append(
            AssetIssue(
                pointer, "A whole number from \(range.lowerBound) to \(range.upperBound) is expected here.",
                remedy: "Write it without fraction, exponent or quotation marks."))
        return nil
    }
    return number
}

func readMoment(_ value: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> Moment? {
    guard let text = value.string, let moment = Moment(text) else {
        issues.append(
            AssetIssue(
                pointer, "\(shown(value)) is not an instant.",
                remedy: "Write date, time and offset, such as 2026-07-14T08:30:00+02:00."))
        return nil
    }
    return moment
}

func readDecimal(_ value: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> ExactDecimal? {
    let text: String? =
        switch value {
        case .string(let text): text
        case .number(let number): number.text
        case .null, .bool, .array, .object: nil
        }
    guard let text, text.utf8.count <= 20, let decimal = ExactDecimal(text), !decimal.isNegative else {
        issues.append(
            AssetIssue(
                pointer, "\(shown(value)) is not a plain decimal.",
                remedy: "Write digits with a point, such as \"0.999\"; at most 20 characters."))
        return nil
    }
    return decimal
}

func readItems(
    _ value: JSONValue, at pointer: String, max: Int, issues: inout [AssetIssue]
) -> [(value: JSONValue, pointer: String)] {
    guard let items = value.array else {
        issues.append(AssetIssue(pointer, "A list is expected here.", remedy: "Write […]."))
        return []
    }
    guard items.count <= max else {
        issues.append(
            AssetIssue(pointer, "\(items.count) items are more than the \(max) permitted.", remedy: "Shorten the list."))
        return []
    }
    return items.enumerated().map { (value: $0.element, pointer: pointer + "/\($0.offset)") }
}

/// A value as a message may show it: cut, so that a huge document does not make a huge message.
func shown(_ value: JSONValue) -> String {
    switch value {
    case .array: "A list"
    case .object: "An object"
    case .null, .bool, .number, .string: cut(value.text)
    }
}

func shown(_ text: String) -> String { cut(JSONValue.string(text).text) }

private func cut(_ text: String) -> String { text.count > 60 ? String(text.prefix(60)) + "…" : text }

private func list(_ words: [String]) -> String { words.joined(separator: ", ") }

/// The known word at most two edits away, the closest first; nil when none is.
private func nearest(to word: String, among known: [String]) -> String? {
    guard word.utf8.count <= 64 else { return nil }
    let scored = known.map { (word: $0, edits: editDistance(Array(word.utf8), Array($0.utf8))) }
    return scored.filter { $0.edits <= 2 }.min { $0.edits < $1.edits }?.word
}

private func editDistance(_ lhs: [UInt8], _ rhs: [UInt8]) -> Int {
    var previous = Array(0...rhs.count)
    for (row, byte) in lhs.enumerated() {
        var current = [row + 1]
        for (column, other) in rhs.enumerated() {
            let swap = previous[column] + (byte == other ? 0 : 1)
            current.append(min(swap, previous[column + 1] + 1, current[column] + 1))
        }
        previous = current
    }
    return previous[rhs.count]
}
