@_spi(_Unicode) import Swift

/// Normal forms of text, from the standard library.
package enum UnicodeText {
    /// Normal form C: composed. For names that people type; stored texts are never normalised.
    package static func composed(_ text: String) -> String { text._nfc.reduce(into: "") { $0.unicodeScalars.append($1) } }
}

/// What UTS #46 maps and IDNA 2008 permits (RFC 5891 to 5893).
enum HostNameRules {
    /// Mapped, not yet composed: what is not permitted stays and is refused afterwards. The full stops of other scripts are dots.
    static func mapped(_ text: String) -> String {
        var out = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if let targets = mapping[scalar.value] {
                out.append(contentsOf: targets)
            } else if cherokee.contains(scalar.value) {
                // Cherokee is written in capitals; its small letters are the mapped ones.
                out.append(scalar)
            } else {
                out.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
            }
        }
        return String(out)
    }

    static func check(_ label: [Unicode.Scalar], isBidirectional: Bool) throws(HostName.Flaw) {
        guard let first = label.first else { throw HostName.Flaw(message: "Two dots of a host have nothing between them.") }
        guard first != "-", label.last != "-", !(label.count >= 4 && label[2] == "-" && label[3] == "-") else {
            throw HostName.Flaw(message: "A hyphen stands first, last, or third and fourth.")
        }
        let text = String(String.UnicodeScalarView(label))
        guard UnicodeText.composed(text).unicodeScalars.elementsEqual(label) else {
            throw HostName.Flaw(message: "An encoded label is not in its normal form.")
        }
        switch first.properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark: throw HostName.Flaw(message: "A label begins with a mark.")
        default: break
        }
        for (index, scalar) in label.enumerated() where !permitted.contains(scalar.value) {
            guard isPermittedHere(scalar, label, index) else {
                throw HostName.Flaw(message: "The character U+\(String(scalar.value, radix: 16)) has no place in a host.")
            }
        }
        if isBidirectional { try checkDirections(label) }
    }

    // MARK: Characters with a context (RFC 5892, appendix A)

    private static func isPermittedHere(_ scalar: Unicode.Scalar, _ label: [Unicode.Scalar], _ index: Int) -> Bool {
        let before = index > 0 ? label[index - 1] : nil
        let after = index + 1 < label.count ? label[index + 1] : nil
        switch scalar.value {
        case 0x200C, 0x200D:
            if before?.properties.canonicalCombiningClass.rawValue == 9 { return true }
            return scalar.value == 0x200C && joins(label, index)
        case 0xB7: return before == "l" && after == "l"
        case 0x375: return after.map { greek.contains($0.value) } ?? false
        case 0x5F3, 0x5F4: return before.map { hebrew.contains($0.value) } ?? false
        case 0x30FB: return label.contains { $0.value != 0x30FB && kana.contains($0.value) }
        case 0x660...0x669: return !label.contains { (0x6F0...0x6F9).contains($0.value) }
        case 0x6F0...0x6F9: return !label.contains { (0x660...0x669).contains($0.value) }
        default: return false
        }
    }

    /// A non-joiner stands between letters that would join, marks left out.
    private static func joins(_ label: [Unicode.Scalar], _ index: Int) -> Bool {
        func isTransparent(_ scalar: Unicode.Scalar) -> Bool {
            switch scalar.properties.generalCategory {
            case .nonspacingMark, .enclosingMark, .format: scalar.value != 0x200C && scalar.value != 0x200D
            default: false
            }
        }
        guard let left = label[..<index].last(where: { !isTransparent($0) }),
            let right = label[(index + 1)...].first(where: { !isTransparent($0) })
        else { return false }
        return (dual.contains(left.value) || leftJoining.contains(left.value))
            && (dual.contains(right.value) || rightJoining.contains(right.value))
    }

    // MARK: Directions (RFC 5893)

    private enum Direction { case left, right, european, arabic, mark, neutral }

    private static func direction(_ scalar: Unicode.Scalar) -> Direction {
        switch scalar.value {
        case 0x30...0x39, 0x6F0...0x6F9: return .european
        case 0x660...0x669, 0x10D30...0x10D39, 0x10E60...0x10E7E: return .arabic
        case 0x2D: return .neutral
        case 0x5F3, 0x5F4: return .right
        default: break
        }
        if rightToLeft.contains(scalar.value) { return .right }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark: return .mark
        case .format, .otherPunctuation: return .neutral
        default: return .left
        }
    }

    static func makesBidirectional(_ scalar: Unicode.Scalar) -> Bool {
        let direction = direction(scalar)
        return direction == .right || direction == .arabic
    }

    private static func checkDirections(_ label: [Unicode.Scalar]) throws(HostName.Flaw) {
        let flaw = HostName.Flaw(message: "A label mixes directions of writing.")
        let directions = label.map(direction)
        guard let first = directions.first, let last = directions.last(where: { $0 != .mark }) else { throw flaw }
        switch first {
        case .right:
            guard !directions.contains(.left), last == .right || last == .european || last == .arabic,
                !(directions.contains(.european) && directions.contains(.arabic))
            else { throw flaw }
        case .left:
            guard !directions.contains(.right), !directions.contains(.arabic), last == .left || last == .european else {
                throw flaw
            }
        default: throw flaw
        }
    }

    // MARK: Tables

    /// Code points in ascending spans.
    struct Spans: Sendable {
        private let starts: [UInt32]
        private let ends: [UInt32]

        init(_ text: String) {
            var (starts, ends) = ([UInt32](), [UInt32]())
            var at: UInt32 = 0
            for word in text.split(separator: " ") {
                let parts = word.split(separator: "-")
                at += UInt32(parts[0], radix: 36) ?? 0
                starts.append(at)
                if parts.count > 1 { at += UInt32(parts[1], radix: 36) ?? 0 }
                ends.append(at)
            }
            self.starts = starts
            self.ends = ends
        }

        func contains(_ value: UInt32) -> Bool {
            var (low, high) = (0, starts.count)
            while low < high {
                let middle = (low + high) / 2
                if starts[middle] <= value { low = middle + 1 } else { high = middle }
            }
            return low > 0 && value <= ends[low - 1]
        }
    }

    private static let cherokee: ClosedRange<UInt32> = 0x13A0...0x13F5
    private static let permitted = Spans(HostNameTables.permitted)
    private static let rightToLeft = Spans(HostNameTables.rightToLeft)
    private static let dual = Spans(HostNameTables.joiningDual)
    private static let rightJoining = Spans(HostNameTables.joiningRight)
    private static let leftJoining = Spans(HostNameTables.joiningLeft)
    private static let greek = Spans(HostNameTables.greek)
    private static let hebrew = Spans(HostNameTables.hebrew)
    private static let kana = Spans(HostNameTables.kana)

    private static let mapping: [UInt32: [Unicode.Scalar]] = {
        var out: [UInt32: [Unicode.Scalar]] = [:]
        var at: UInt32 = 0
        for word in HostNameTables.mapping.split(separator: " ") {
            let sides = word.split(separator: ":", omittingEmptySubsequences: false)
            let isRun = sides[0].contains("+")
            let head = sides[0].split(whereSeparator: { $0 == "+" || $0 == "=" })
            at += UInt32(head[0], radix: 36) ?? 0
            let more = head.count > 1 ? UInt32(head[1], radix: 36) ?? 0 : 0
            let targets = sides[1].split(separator: ".").compactMap { UInt32($0, radix: 36) }
            for step in 0...more {
                out[at + step] = targets.compactMap { Unicode.Scalar(isRun ? $0 + step : $0) }
            }
            at += more
        }
        return out
    }()
}
