internal import Kernel

/// One element of a drawing, as it was written.
struct SVGElement {
    let name: String
    let attributes: [(name: String, value: String)]
    var children: [SVGElement] = []
}

/// Reads the small part of XML that a drawing needs, without document types, entities of its own, sections or instructions:
/// what is not read cannot do anything.
struct SVGReader {
    static let bytesMax = 131_072
    static let depthMax = 24
    static let elementsMax = 4000
    static let attributesMax = 60

    private let bytes: [UInt8]
    private var at = 0
    private var count = 0

    static func read(_ bytes: [UInt8]) throws(LogoFlaw) -> SVGElement {
        guard bytes.count <= bytesMax else {
            throw LogoFlaw("The drawing has \(bytes.count) bytes.", remedy: "Simplify its paths; \(bytesMax) bytes are the most.")
        }
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw LogoFlaw("This is neither a PNG nor text in UTF-8.", remedy: "Save it as PNG, or as plain SVG.")
        }
        var reader = SVGReader(bytes: bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes)
        try reader.misc(isStart: true)
        guard let root = try reader.element(depth: 1) else {
            throw LogoFlaw("This is neither a PNG nor a drawing.", remedy: "Save it as PNG, or as plain SVG.")
        }
        try reader.misc(isStart: false)
        guard reader.at == reader.bytes.count else {
            throw LogoFlaw("Something else follows the drawing in the same file.", remedy: "Save the drawing again by itself.")
        }
        return root
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private func starts(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard at + count <= bytes.count else { return false }
        return text.withUTF8Buffer { $0.elementsEqual(bytes[at..<(at + count)]) }
    }

    private mutating func skipSpace() {
        while at < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[at]) { at += 1 }
    }

    /// Passes over everything until after `end`.
    private mutating func skip(past end: StaticString) throws(LogoFlaw) {
        while !starts(end) {
            guard at < bytes.count else { throw .broken("a comment does not end") }
            at += 1
        }
        at += end.utf8CodeUnitCount
    }

    private mutating func misc(isStart: Bool) throws(LogoFlaw) {
        skipSpace()
        if isStart, starts("<?xml") { try skip(past: "?>") }
        while true {
            skipSpace()
            if starts("<!--") { try skip(past: "-->") } else { break }
        }
        try refuseMarkup()
    }

    private func refuseMarkup() throws(LogoFlaw) {
        let remedy = "Export it as plain SVG, without them."
        if starts("<!DOCTYPE") || starts("<!ENTITY") {
            throw LogoFlaw("The drawing has a document type, which may define entities.", remedy: remedy)
        }
        if starts("<?") { throw LogoFlaw("The drawing has processing instructions.", remedy: remedy) }
        if starts("<![") { throw LogoFlaw("The drawing has a CDATA section.", remedy: remedy) }
        if starts("<!") { throw .broken("it has markup of no known kind") }
    }

    private mutating func name() throws(LogoFlaw) -> String {
        let start = at
        while at < bytes.count {
            let byte = bytes[at]
            let isLetter = byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A
            let isOther = (0x30...0x39).contains(byte) || [0x2D, 0x2E, 0x3A, 0x5F].contains(byte)
            guard isLetter || (isOther && at > start) else { break }
            at += 1
        }
        guard at > start, at - start <= 64 else { throw .broken("a name in it is none") }
        return String(decoding: bytes[start..<at], as: UTF8.self)
    }

    /// Nil where no element begins.
    private mutating func element(depth: Int) throws(LogoFlaw) -> SVGElement? {
        guard starts("<"), !starts("</") else { return nil }
        count += 1
        guard depth <= SVGReader.depthMax, count <= SVGReader.elementsMax else {
            throw LogoFlaw(
                "The drawing has more than \(SVGReader.elementsMax) parts, or parts more than \(SVGReader.depthMax) deep.",
                remedy: "Simplify it.")
        }
        at += 1
        let name = try name()
        var attributes: [(name: String, value: String)] = []
        while true {
            skipSpace()
            if starts("/>") {
                at += 2
                return SVGElement(name: name, attributes: attributes)
            }
            if starts(">") {
                at += 1
                return SVGElement(name: name, attributes: attributes, children: try content(of: name, depth: depth))
            }
            let key = try self.name()
            guard attributes.count < SVGReader.attributesMax, !attributes.contains(where: { sameBytes($0.name, key) }) else {
                throw .broken("an element has an attribute twice, or too many")
            }
            skipSpace()
            guard starts("=") else { throw .broken("an attribute has no value") }
            at += 1
            skipSpace()
            attributes.append((name: key, value: try value()))
        }
    }

    private mutating func content(of name: String, depth: Int) throws(LogoFlaw) -> [SVGElement] {
        var children: [SVGElement] = []
        while true {
            guard at < bytes.count else { throw .broken("it ends within `\(name)`") }
            if starts("</") {
                at += 2
                guard try sameBytes(self.name(), name) else { throw .broken("`\(name)` is closed by another name") }
                skipSpace()
                guard starts(">") else { throw .broken("`\(name)` is not closed") }
                at += 1
                return children
            }
            if starts("<!--") {
                try skip(past: "-->")
            } else if starts("<") {
                try refuseMarkup()
                if let child = try element(depth: depth + 1) { children.append(child) }
            } else if starts("&") {
                _ = try character()
            } else {
                at += 1
            }
        }
    }

    private mutating func value() throws(LogoFlaw) -> String {
        guard at < bytes.count, bytes[at] == 0x22 || bytes[at] == 0x27 else { throw .broken("a value is not in quotes") }
        let quote = bytes[at]
        at += 1
        var out: [UInt8] = []
        while at < bytes.count, bytes[at] != quote {
            if starts("<") { throw .broken("a value holds `<`") }
            if starts("&") {
                out += Array(String(try character()).utf8)
            } else {
                out.append(bytes[at])
                at += 1
            }
        }
        guard at < bytes.count else { throw .broken("a value does not end") }
        at += 1
        return String(decoding: out, as: UTF8.self)
    }

    /// One of the five names that XML knows by itself, or a number.
    private mutating func character() throws(LogoFlaw) -> Character {
        let start = at + 1
        guard let end = bytes[start..<min(start + 10, bytes.count)].firstIndex(of: UInt8(ascii: ";")) else {
            throw .broken("a reference does not end")
        }
        let text = String(decoding: bytes[start..<end], as: UTF8.self)
        at = end + 1
        let known: [String: Character] = ["amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'"]
        if let found = known[text] { return found }
        guard text.hasPrefix("#") else {
            throw LogoFlaw("The drawing uses the entity `\(text)`.", remedy: "Export it as plain SVG, without entities.")
        }
        let digits = text.dropFirst()
        let value = digits.hasPrefix("x") ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
        guard let value, value >= 0x20, let scalar = Unicode.Scalar(value) else {
            throw .broken("a reference names no character")
        }
        return Character(scalar)
    }
}
