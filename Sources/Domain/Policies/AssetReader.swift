package import Kernel

/// Reads one object of an asset: closed, so that a misspelt member is an issue with the nearest known name as remedy.
package struct AssetReader: Sendable {
    package static let textScalarsMax = 2000

    package let object: JSONObject
    /// RFC 6901 pointer to the object.
    package let pointer: String
    private let what: String

    /// Nil, with an issue, when the value is no object.
    package init?(_ json: JSONValue, at pointer: String, _ what: String, issues: inout [AssetIssue]) {
        guard case .object(let object) = json else {
            issues.append(
                AssetIssue(pointer, "\(what.capitalizedFirst) has to be a mapping.", remedy: "Write it as `name: value` lines."))
            return nil
        }
        self.object = object
        self.pointer = pointer
        self.what = what
    }

    package func path(_ name: String) -> String { pointer + "/" + AssetIssue.token(name) }

    /// Reports members that are not in `names`.
    package func close(_ names: [String], issues: inout [AssetIssue]) {
        for key in object.keys where !names.contains(key) {
            let remedy =
                AssetReader.nearest(to: key, among: names).map { "Did you mean `\($0)`?" }
                ?? "Remove it; known are: \(names.joined(separator: ", "))."
            issues.append(AssetIssue(path(key), "\(what.capitalizedFirst) has no member `\(key)`.", remedy: remedy))
        }
    }

    package func missing(_ name: String, issues: inout [AssetIssue]) {
        issues.append(AssetIssue(pointer, "\(what.capitalizedFirst) lacks `\(name)`.", remedy: "Add `\(name)`."))
    }

    package func text(_ name: String, issues: inout [AssetIssue]) -> String? {
        guard let value = object[name] else {
            missing(name, issues: &issues)
            return nil
        }
        return read(value, name, issues: &issues)
    }

    package func optionalText(_ name: String, issues: inout [AssetIssue]) -> String? {
        guard let value = object[name] else { return nil }
        return read(value, name, issues: &issues)
    }

    private func read(_ value: JSONValue, _ name: String, issues: inout [AssetIssue]) -> String? {
        guard let text = value.string, !text.isEmpty, text.unicodeScalars.count <= AssetReader.textScalarsMax else {
            issues.append(
                AssetIssue(
                    path(name), "`\(name)` has to be a text of 1 to \(AssetReader.textScalarsMax) characters.",
                    remedy: "Write a text; put it in quotes when it looks like a number."))
            return nil
        }
        return text
    }

    /// A name of an asset, step or rule: `[a-z][a-z0-9-]{0,62}`.
    package func name(_ member: String, issues: inout [AssetIssue]) -> String? {
        guard let text = text(member, issues: &issues) else { return nil }
        guard AssetReader.isName(text) else {
            issues.append(AssetReader.badName(text, at: path(member)))
            return nil
        }
        return text
    }

    package static func isName(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, bytes.count <= 63, first >= UInt8(ascii: "a"), first <= UInt8(ascii: "z") else {
            return false
        }
        return bytes.allSatisfy {
            ($0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "z")) || ($0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9"))
                || $0 == UInt8(ascii: "-")
        }
    }

    package static func badName(_ text: String, at pointer: String) -> AssetIssue {
        AssetIssue(pointer, "`\(text)` is no name.", remedy: "Use lower-case letters, digits and hyphens, with a letter first.")
    }

    package func int(_ name: String, in range: ClosedRange<Int>, otherwise: Int?, issues: inout [AssetIssue]) -> Int? {
        guard let value = object[name] else {
            if otherwise == nil { missing(name, issues: &issues) }
            return otherwise
        }
        guard let number = value.int, range.contains(number) else {
            issues.append(
                AssetIssue(
                    path(name), "`\(name)` has to be a whole number from \(range.lowerBound) to \(range.upperBound).",
                    remedy: "Write a number in that range."))
            return nil
        }
        return number
    }

    package func bool(_ name: String, otherwise: Bool, issues: inout [AssetIssue]) -> Bool {
        guard let value = object[name] else { return otherwise }
        guard let flag = value.bool else {
            issues.append(AssetIssue(path(name), "`\(name)` has to be true or false.", remedy: "Write true or false."))
            return otherwise
        }
        return flag
    }

    /// The items with their pointers; an absent list is empty unless it is required.
    package func list(
        _ name: String, upTo most: Int, isRequired: Bool, issues: inout [AssetIssue]
    ) -> [(value: JSONValue, pointer: String)] {
        guard let value = object[name] else {
            if isRequired { missing(name, issues: &issues) }
            return []
        }
        guard let items = value.array, items.count <= most else {
            issues.append(
                AssetIssue(
                    path(name), "`\(name)` has to be a list of at most \(most) items.", remedy: "Write each item after a hyphen.")
            )
            return []
        }
        return items.enumerated().map { (value: $0.element, pointer: "\(path(name))/\($0.offset)") }
    }

    package func texts(_ name: String, upTo most: Int, issues: inout [AssetIssue]) -> [String] {
        var out: [String] = []
        for item in list(name, upTo: most, isRequired: false, issues: &issues) {
            guard let text = item.value.string, !text.isEmpty else {
                issues.append(AssetIssue(item.pointer, "This has to be a text.", remedy: "Put it in quotes."))
                continue
            }
            out.append(text)
        }
        return out
    }

    /// One of a closed set of words.
    package func choice<Value: RawRepresentable & CaseIterable>(
        _ name: String, _ type: Value.Type, otherwise: Value?, issues: inout [AssetIssue]
    ) -> Value? where Value.RawValue == String {
        guard let value = object[name] else {
            if otherwise == nil { missing(name, issues: &issues) }
            return otherwise
        }
        if let text = value.string, let choice = Value(rawValue: text) { return choice }
        let known = Value.allCases.map(\.rawValue)
        let near = value.string.flatMap { AssetReader.nearest(to: $0, among: known) }
        issues.append(
            AssetIssue(
                path(name), "`\(name)` has to be one of: \(known.joined(separator: ", ")).",
                remedy: near.map { "Did you mean `\($0)`?" } ?? "Choose one of them."))
        return nil
    }

    /// The known name at the least edit distance, when that is close enough to be a slip.
    package static func nearest(to text: String, among names: [String]) -> String? {
        let scored = names.map { (name: $0, distance: distance(Array(text.utf8.prefix(100)), Array($0.utf8))) }
        guard let best = scored.min(by: { $0.distance < $1.distance }),
            best.distance <= max(text.utf8.count >= 4 ? 2 : 1, text.utf8.count / 3)
        else { return nil }
        return best.name
    }

    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var row = Array(0...right.count)
        for (i, byte) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in right.enumerated() {
                let replaced = diagonal + (byte == other ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[right.count]
    }
}

extension String {
    fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
