/// Takes the documents out of a test set of the EN 16931 validation suite: `<test><assert>…</assert> document </test>`.
///
/// The fragments bind their own prefixes, so cutting between tags is enough, and no parser has to be trusted with the frame.
enum TestSetFragments {
    /// The documents in order, without what stands around them.
    static func documents(in file: [UInt8]) -> [[UInt8]] {
        let bytes = withoutComments(file)
        var out: [[UInt8]] = []
        var at = 0
        while let open = find("<test", in: bytes, from: at) {
            let next = open + 5
            guard next < bytes.count, bytes[next] == UInt8(ascii: ">") || bytes[next] <= 0x20 else {
                at = next
                continue
            }
            guard let end = find("</test>", in: bytes, from: next), let assertion = find("</assert>", in: bytes, from: next),
                assertion < end
            else { break }
            out.append(trim(bytes[(assertion + 9)..<end]))
            at = end + 7
        }
        return out
    }

    private static func withoutComments(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        var at = 0
        while let start = find("<!--", in: bytes, from: at) {
            out += bytes[at..<start]
            guard let end = find("-->", in: bytes, from: start + 4) else { return out }
            at = end + 3
        }
        return out + bytes[at...]
    }

    private static func find(_ text: StaticString, in bytes: [UInt8], from start: Int) -> Int? {
        let wanted = text.withUTF8Buffer { Array($0) }
        guard bytes.count >= start + wanted.count else { return nil }
        return (start...bytes.count - wanted.count).first {
            bytes[$0] == wanted[0] && bytes[$0..<$0 + wanted.count].elementsEqual(wanted)
        }
    }

    private static func trim(_ slice: ArraySlice<UInt8>) -> [UInt8] {
        var slice = slice
        while let first = slice.first, first <= 0x20 { slice.removeFirst() }
        while let last = slice.last, last <= 0x20 { slice.removeLast() }
        return Array(slice)
    }
}
