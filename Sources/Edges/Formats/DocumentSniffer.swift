/// Tells the family of a file by its first bytes. Names and media types that came with it play no part.
enum DocumentSniffer {
    enum Family: Sendable, Equatable { case xml, pdf, zip, json, csv, email, unknown }

    /// How far the look goes.
    static let bytesSeen = 4096

    static func family(of bytes: [UInt8]) -> Family {
        let head = bytes.prefix(bytesSeen)
        if head.starts(with: "PK\u{3}\u{4}".utf8) { return .zip }
        if contains(head.prefix(1024), "%PDF-") { return .pdf }
        let plain = text(head)
        guard let first = plain.first(where: { !isXMLSpace($0) }) else { return .unknown }
        switch first {
        case UInt8(ascii: "<"): return .xml
        case UInt8(ascii: "{"), UInt8(ascii: "["): return .json
        default: break
        }
        // A NUL or another control character in text says that it is none.
        guard plain.allSatisfy({ $0 >= 0x20 || isXMLSpace($0) || $0 == 0x0C }) else { return .unknown }
        let lines = plain.split(separator: 0x0A, maxSplits: 20, omittingEmptySubsequences: false)
        if isEmail(lines) { return .email }
        return isTable(lines) ? .csv : .unknown
    }

    /// The head as ASCII-like bytes: without a byte order mark, UTF-16 narrowed to its low bytes.
    private static func text(_ head: ArraySlice<UInt8>) -> [UInt8] {
        let bytes = Array(head)
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { return Array(bytes.dropFirst(3)) }
        if bytes.starts(with: [0xFF, 0xFE]) { return narrowed(bytes.dropFirst(2), from: 0) }
        if bytes.starts(with: [0xFE, 0xFF]) { return narrowed(bytes.dropFirst(2), from: 1) }
        if bytes.starts(with: [0x3C, 0x00]) { return narrowed(bytes[...], from: 0) }
        if bytes.starts(with: [0x00, 0x3C]) { return narrowed(bytes[...], from: 1) }
        return bytes
    }

    private static func narrowed(_ bytes: ArraySlice<UInt8>, from offset: Int) -> [UInt8] {
        stride(from: bytes.startIndex + offset, to: bytes.endIndex, by: 2).map { bytes[$0] }
    }

    private static func contains(_ bytes: ArraySlice<UInt8>, _ needle: String) -> Bool {
        let wanted = Array(needle.utf8)
        guard bytes.count >= wanted.count else { return false }
        return (bytes.startIndex...bytes.endIndex - wanted.count).contains { bytes[$0..<$0 + wanted.count].elementsEqual(wanted) }
    }

    /// A first line like `Subject: …` and two header fields that mail always has.
    private static func isEmail(_ lines: [ArraySlice<UInt8>]) -> Bool {
        let names = lines.prefix { !$0.isEmpty && $0.first != 0x0D }.compactMap { line -> String? in
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex, line.first != 0x20 else {
                return nil
            }
            let name = line[line.startIndex..<colon]
            guard name.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
            return String(decoding: name, as: UTF8.self).lowercased()
        }
        let usual: Set<String> = [
            "from", "to", "subject", "date", "message-id", "mime-version", "content-type", "received", "return-path",
            "delivered-to",
        ]
        return names.filter(usual.contains).count >= 2
    }

    /// Two lines with the same number of one separator.
    private static func isTable(_ lines: [ArraySlice<UInt8>]) -> Bool {
        guard lines.count >= 2 else { return false }
        return [UInt8(ascii: ";"), UInt8(ascii: ","), 0x09, UInt8(ascii: "|")].contains { separator in
            let counts = lines.prefix(2).map { $0.filter { $0 == separator }.count }
            return counts[0] > 0 && counts[0] == counts[1]
        }
    }
}
