import Kernel

/// Reads one object of a mapping file: closed, so that a misspelt member is an issue with the nearest name as its remedy.
struct MappingReader {
    let object: JSONObject
    let pointer: String
    let what: String

    init?(_ json: JSONValue?, at pointer: String, _ what: String, _ known: [String], issues: inout [AssetIssue]) {
        guard let object = json?.object else {
            issues.append(AssetIssue(pointer, "\(what) has to be an object.", remedy: "Write it as `name: value` lines."))
            return nil
        }
        self.object = object
        self.pointer = pointer
        self.what = what
        for key in object.keys where !known.contains(where: { sameBytes($0, key) }) {
            let near = MappingReader.nearest(to: key, among: known)
            issues.append(
                AssetIssue(
                    path(key), "\(what) has no member `\(key.prefix(60))`.",
                    remedy: near.map { "Did you mean `\($0)`?" } ?? "Remove it; known are: \(known.joined(separator: ", "))."))
        }
    }

    func path(_ name: String) -> String { pointer + "/" + AssetIssue.token(name) }

    func text(_ name: String, issues: inout [AssetIssue]) -> String? {
        guard let value = object[name] else {
            issues.append(AssetIssue(pointer, "\(what) lacks `\(name)`.", remedy: "Add `\(name)`."))
            return nil
        }
        return checked(value, name, issues: &issues)
    }

    func optionalText(_ name: String, issues: inout [AssetIssue]) -> String? {
        object[name].flatMap { checked($0, name, issues: &issues) }
    }

    private func checked(_ value: JSONValue, _ name: String, issues: inout [AssetIssue]) -> String? {
        guard let text = value.string, !text.isEmpty, text.utf8.count <= 2_000 else {
            issues.append(AssetIssue(path(name), "`\(name)` has to be a text of 1 to 2000 bytes.", remedy: "Put it in quotes."))
            return nil
        }
        return text
    }

    func texts(_ name: String, upTo most: Int, issues: inout [AssetIssue]) -> [String] {
        guard let value = object[name] else { return [] }
        let items = value.array ?? []
        let texts = items.compactMap(\.string)
        guard value.array != nil, texts.count == items.count, items.count <= most else {
            issues.append(
                AssetIssue(
                    path(name), "`\(name)` has to be a list of at most \(most) texts.",
                    remedy: "Write one text a line, after `- `."))
            return []
        }
        return texts
    }

    func int(_ name: String, in range: ClosedRange<Int>, otherwise: Int, issues: inout [AssetIssue]) -> Int {
        guard let value = object[name] else { return otherwise }
        guard let number = value.int, range.contains(number) else {
            issues.append(
                AssetIssue(
                    path(name), "`\(name)` has to be a whole number from \(range.lowerBound) to \(range.upperBound).",
                    remedy: "Write such a number."))
            return otherwise
        }
        return number
    }

    func choice<Word: RawRepresentable & CaseIterable>(
        _ name: String, _ type: Word.Type, otherwise: Word?, issues: inout [AssetIssue]
    ) -> Word? where Word.RawValue == String {
        guard let value = object[name] else {
            if otherwise == nil { issues.append(AssetIssue(pointer, "\(what) lacks `\(name)`.", remedy: "Add `\(name)`.")) }
            return otherwise
        }
        if let word = value.string.flatMap({ Word(rawValue: $0) }) { return word }
        let known = Word.allCases.map(\.rawValue)
        let near = value.string.flatMap { MappingReader.nearest(to: $0, among: known) }
        issues.append(
            AssetIssue(
                path(name), "`\(name)` has to be one of \(known.joined(separator: ", ")).",
                remedy: near.map { "Did you mean `\($0)`?" } ?? "Choose one of them."))
        return nil
    }

    func valuePath(_ name: String, issues: inout [AssetIssue]) -> ValuePath? {
        optionalText(name, issues: &issues).flatMap { MappingReader.valuePath($0, at: path(name), issues: &issues) }
    }

    /// One path, or a list of them.
    func valuePaths(_ name: String, issues: inout [AssetIssue]) -> [ValuePath] {
        guard object[name]?.array != nil else { return valuePath(name, issues: &issues).map { [$0] } ?? [] }
        return texts(name, upTo: 8, issues: &issues).enumerated().compactMap { index, text in
            MappingReader.valuePath(text, at: "\(path(name))/\(index)", issues: &issues)
        }
    }

    /// A member that has to be there and is a value to be made.
    func node(_ name: String, issues: inout [AssetIssue]) -> MappingNode? {
        guard let value = object[name] else {
            issues.append(AssetIssue(pointer, "\(what) lacks `\(name)`.", remedy: "Add `\(name)`."))
            return nil
        }
        return MappingNode.parse(value, at: path(name), issues: &issues)
    }

    static func valuePath(_ text: String, at pointer: String, issues: inout [AssetIssue]) -> ValuePath? {
        switch ValuePath.parse(text) {
        case .success(let path): return path
        case .failure(let problem):
            issues.append(AssetIssue(pointer, problem.message, remedy: "Write a path such as `$.lines[0].sku` or `$key.number`."))
            return nil
        }
    }

    /// The known name at the least edit distance, when that is close enough to be a slip.
    static func nearest(to text: String, among names: [String]) -> String? {
        let scored = names.map {
            (name: $0, distance: distance(Array(text.lowercased().utf8.prefix(100)), Array($0.lowercased().utf8)))
        }
        guard let best = scored.min(by: { $0.distance < $1.distance }), best.distance <= max(1, text.utf8.count / 3) else {
            return nil
        }
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
