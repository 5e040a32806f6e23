internal import Kernel

/// A drawing written anew from the shapes, colours and gradients that were understood.
///
/// An allow list of elements and attributes, each value of a form that can only be what it should be. What may act or load
/// something is refused with its name; notes of drawing programs are left behind.
struct SVGDrawing {
    let width: Int
    let height: Int
    let text: String

    private static let shapes: Set<String> = [
        "svg", "g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "defs", "linearGradient",
        "radialGradient",
        "stop", "clipPath",
    ]
    /// Words for people and programs; nothing of them is shown where a logo is.
    private static let notes: Set<String> = ["title", "desc", "metadata"]

    private enum Rule { case number, numbers, path, paint, transform, name, reference, word([String]) }

    private static let rules: [String: Rule] = {
        var rules: [String: Rule] = [
            "viewBox": .numbers, "points": .numbers, "stroke-dasharray": .numbers, "d": .path, "transform": .transform,
            "gradientTransform": .transform, "id": .name, "clip-path": .reference, "href": .reference, "xlink:href": .reference,
            "fill-rule": .word(["nonzero", "evenodd"]), "clip-rule": .word(["nonzero", "evenodd"]),
            "stroke-linecap": .word(["butt", "round", "square"]), "stroke-linejoin": .word(["miter", "round", "bevel"]),
            "gradientUnits": .word(["userSpaceOnUse", "objectBoundingBox"]),
            "clipPathUnits": .word(["userSpaceOnUse", "objectBoundingBox"]), "spreadMethod": .word(["pad", "reflect", "repeat"]),
            "preserveAspectRatio": .word(["xMidYMid", "xMidYMid meet", "xMinYMin meet", "none"]),
        ]
        for name in ["fill", "stroke", "stop-color", "color"] { rules[name] = .paint }
        for name in [
            "width", "height", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "fx", "fy", "offset", "opacity",
            "fill-opacity", "stroke-opacity", "stop-opacity", "stroke-width", "stroke-miterlimit", "stroke-dashoffset",
        ] { rules[name] = .number }
        return rules
    }()

    static func rebuilt(_ bytes: [UInt8]) throws(LogoFlaw) -> SVGDrawing {
        let root = try SVGReader.read(bytes)
        guard root.name == "svg" else {
            throw LogoFlaw("This is neither a PNG nor a drawing.", remedy: "Save it as PNG, or as plain SVG.")
        }
        let space = root.attributes.first { $0.name == "xmlns" }?.value
        guard space == "http://www.w3.org/2000/svg" else {
            throw LogoFlaw("The drawing does not say that it is SVG.", remedy: "Export it as plain SVG, with its namespace.")
        }
        let (width, height) = try size(root)
        var text = ""
        try write(root, into: &text, isRoot: true)
        return SVGDrawing(width: width, height: height, text: text)
    }

    private static func size(_ root: SVGElement) throws(LogoFlaw) -> (Int, Int) {
        func value(_ name: String) -> String? { root.attributes.first { $0.name == name }?.value }
        let box = (value("viewBox") ?? "").split { " ,\n\t".contains($0) }.compactMap { whole(String($0)) }
        if box.count == 4, box[2] > 0, box[3] > 0 { return (box[2], box[3]) }
        guard let width = value("width").flatMap(whole), let height = value("height").flatMap(whole), width > 0, height > 0 else {
            throw LogoFlaw("The drawing has no size.", remedy: "Give it a viewBox, or width and height.")
        }
        return (width, height)
    }

    /// The whole part of a length up to 100,000; nil for what is none.
    private static func whole(_ text: String) -> Int? {
        guard isNumber(text) else { return nil }
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard digits.count <= 6, let value = Int(digits.isEmpty ? "0" : String(digits)), value <= 100_000 else { return nil }
        return text.hasPrefix("0.") ? 1 : value
    }

    private static func write(_ element: SVGElement, into out: inout String, isRoot: Bool = false) throws(LogoFlaw) {
        if notes.contains(element.name) || element.name.contains(":") { return }
        guard shapes.contains(element.name), isRoot == (element.name == "svg") else { throw refused(element.name) }
        out += "<\(element.name)"
        if isRoot { out += " xmlns=\"http://www.w3.org/2000/svg\"" }
        var written: Set<String> = []
        for (name, value) in try plain(element) where written.insert(name).inserted {
            out += " \(name)=\"\(value)\""
        }
        guard !element.children.isEmpty else { return out += "/>" }
        out += ">"
        for child in element.children { try write(child, into: &out) }
        out += "</\(element.name)>"
    }

    private static func refused(_ name: String) -> LogoFlaw {
        let why: [String: String] = [
            "script": "could act in the reader's browser", "foreignObject": "could hold a page", "image": "could load something",
            "use": "could multiply or load something", "a": "is a link", "style": "holds a style sheet",
            "text": "depends on fonts",
            "animate": "moves", "set": "moves", "iframe": "could hold a page", "filter": "costs the reader's machine much",
        ]
        let reason = why[name] ?? "is not among the shapes that are taken"
        return LogoFlaw(
            "The drawing has `\(name.prefix(40))`, which \(reason).",
            remedy: name == "text" ? "Turn its letters into paths." : "Export it as plain paths, or save it as PNG.")
    }

    /// The attributes that are kept, declarations of `style` among them.
    private static func plain(_ element: SVGElement) throws(LogoFlaw) -> [(name: String, value: String)] {
        var out: [(name: String, value: String)] = []
        for (name, value) in element.attributes {
            if name.lowercased().hasPrefix("on") {
                throw LogoFlaw("The drawing has `\(name.prefix(40))`, which runs a script.", remedy: "Export it as plain SVG.")
            }
            if name == "style" {
                for one in value.split(separator: ";") {
                    let sides = one.split(separator: ":", maxSplits: 1).map { trimmed($0) }
                    guard sides.count == 2 else { throw .broken("a declaration has no value") }
                    if sides[1].lowercased().contains("url("), !isReference(sides[1]) { throw loads(sides[0]) }
                    if let rule = rules[sides[0]], try isGood(sides[1], rule, sides[0]) { out.append((sides[0], sides[1])) }
                }
            } else if let rule = rules[name], try isGood(value, rule, name) {
                out.append((name == "xlink:href" ? "href" : name, value))
            } else if rules[name] == nil, value.lowercased().contains("url(") || value.lowercased().contains("script:") {
                throw loads(name)
            }
        }
        return out
    }

    private static func loads(_ name: String) -> LogoFlaw {
        LogoFlaw("The drawing's `\(name.prefix(40))` leads out of it.", remedy: "Export it as plain SVG, with everything in it.")
    }

    /// True for a value that is kept; a flaw for one that is not of its form.
    private static func isGood(_ value: String, _ rule: Rule, _ name: String) throws(LogoFlaw) -> Bool {
        let isRight: Bool
        switch rule {
        case .number: isRight = isNumber(value)
        case .numbers: isRight = value == "none" || value.split { " ,\n\r\t".contains($0) }.allSatisfy { isNumber(String($0)) }
        case .path: isRight = value.utf8.allSatisfy { pathBytes.contains($0) }
        case .transform: isRight = isTransform(value)
        case .name: isRight = isName(value)
        case .reference:
            guard isReference(value) || value == "none" else { throw loads(name) }
            isRight = true
        case .paint:
            if value.lowercased().contains("url("), !isReference(value) { throw loads(name) }
            isRight = isPaint(value)
        case .word(let words): isRight = words.contains(value)
        }
        guard isRight else {
            throw LogoFlaw(
                "The drawing's `\(name)` has a value that is not taken: \(value.prefix(40)).", remedy: "Export it as plain SVG.")
        }
        return true
    }

    private static let pathBytes = Set("MmLlHhVvCcSsQqTtAaZzeE0123456789 ,.+-\n\r\t".utf8)

    private static func isNumber(_ text: String) -> Bool {
        var rest = Substring(text)
        for unit in ["px", "pt", "%"] where rest.hasSuffix(unit) { rest = rest.dropLast(unit.count) }
        let bytes = Array(rest.utf8)
        return (1...24).contains(bytes.count) && bytes.contains { (0x30...0x39).contains($0) }
            && bytes.allSatisfy { (0x30...0x39).contains($0) || [0x2B, 0x2D, 0x2E, 0x65, 0x45].contains($0) }
    }

    private static func isName(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, bytes.count <= 64, (first | 0x20).isSmallLetter || first == 0x5F else { return false }
        return bytes.allSatisfy { ($0 | 0x20).isSmallLetter || (0x30...0x39).contains($0) || [0x5F, 0x2D, 0x2E].contains($0) }
    }

    /// `#name` or `url(#name)`: something of the same drawing.
    private static func isReference(_ text: String) -> Bool {
        var rest = Substring(text)
        if rest.hasPrefix("url("), rest.hasSuffix(")") { rest = rest.dropFirst(4).dropLast() }
        return rest.hasPrefix("#") && isName(String(rest.dropFirst()))
    }

    private static func isPaint(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        if bytes.first == UInt8(ascii: "#"), !isHex(bytes) { return false }
        if bytes.first == UInt8(ascii: "#") || isReference(text) { return true }
        if text.hasPrefix("rgb("), text.hasSuffix(")") {
            return text.dropFirst(4).dropLast().split(separator: ",").allSatisfy { isNumber(trimmed($0)) }
        }
        return (1...24).contains(bytes.count) && bytes.allSatisfy { ($0 | 0x20).isSmallLetter }
    }

    private static func isHex(_ bytes: [UInt8]) -> Bool {
        [4, 5, 7, 9].contains(bytes.count)
            && bytes.dropFirst().allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0 | 0x20) }
    }

    private static func isTransform(_ text: String) -> Bool {
        var rest = Substring(trimmed(text))
        while !rest.isEmpty {
            guard let open = rest.firstIndex(of: "("), let close = rest.firstIndex(of: ")"), open < close,
                ["matrix", "translate", "scale", "rotate", "skewX", "skewY"].contains(trimmed(rest[..<open])),
                rest[rest.index(after: open)..<close].split(whereSeparator: { " ,\n\r\t".contains($0) }).allSatisfy({
                    isNumber(String($0))
                })
            else { return false }
            rest = rest[rest.index(after: close)...].drop { " ,\n\r\t".contains($0) }
        }
        return true
    }
}

extension UInt8 {
    fileprivate var isSmallLetter: Bool { (0x61...0x7A).contains(self) }
}
