/// Cuts the text of an expression into tokens.
struct Lexer {
    enum Token: Equatable {
        case identifier(String)
        /// A field name in back quotes: .`foo.bar`.
        case quotedName(String)
        /// Magnitude; the sign is the parser's.
        case int(UInt64)
        case uint(UInt64)
        case double(Double)
        case string(String)
        case bytes([UInt8])
        /// Operators and punctuation.
        case symbol(String)
        case end
    }

    struct Piece {
        let token: Token
        let offset: Int
    }

    private let text: [UInt8]
    private var at = 0

    static func pieces(of source: String) throws(ExpressionFailure) -> [Piece] {
        var lexer = Lexer(text: Array(source.utf8))
        guard lexer.text.count <= ExpressionBounds.sourceBytesMax else {
            throw ExpressionFailure(.syntax, "An expression may have at most \(ExpressionBounds.sourceBytesMax) bytes.", at: 0)
        }
        var out: [Piece] = []
        while true {
            let piece = try lexer.next()
            out.append(piece)
            if piece.token == .end { return out }
        }
    }

    private init(text: [UInt8]) { self.text = text }

    private func byte(_ ahead: Int = 0) -> UInt8 { at + ahead < text.count ? text[at + ahead] : 0 }

    private func failure(_ message: String, at offset: Int) -> ExpressionFailure {
        ExpressionFailure(.syntax, message, at: offset)
    }

    private mutating func next() throws(ExpressionFailure) -> Piece {
        skipSpace()
        let start = at
        guard at < text.count else { return Piece(token: .end, offset: start) }
        let first = byte()
        if isDigit(first) || (first == UInt8(ascii: ".") && isDigit(byte(1))) {
            return Piece(token: try number(), offset: start)
        }
        if first == UInt8(ascii: "\"") || first == UInt8(ascii: "'") {
            return Piece(token: try quoted(isRaw: false, isBytes: false), offset: start)
        }
        if let prefix = literalPrefix() {
            at += prefix.length
            return Piece(token: try quoted(isRaw: prefix.isRaw, isBytes: prefix.isBytes), offset: start)
        }
        if isNameStart(first) {
            while at < text.count, isNamePart(byte()) { at += 1 }
            return Piece(token: .identifier(String(decoding: text[start..<at], as: UTF8.self)), offset: start)
        }
        if first == UInt8(ascii: "`") { return Piece(token: try quotedName(), offset: start) }
        for width in [2, 1] where at + width <= text.count {
            let candidate = String(decoding: text[at..<at + width], as: UTF8.self)
            if Lexer.symbols.contains(candidate) {
                at += width
                return Piece(token: .symbol(candidate), offset: start)
            }
        }
        throw failure("A character that no expression can hold.", at: start)
    }

    private static let symbols: Set<String> = [
        "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",", "(", ")", "[", "]", "{",
        "}",
    ]

    private mutating func skipSpace() {
        while at < text.count {
            switch byte() {
            case 0x20, 0x09, 0x0A, 0x0C, 0x0D: at += 1
            case UInt8(ascii: "/") where byte(1) == UInt8(ascii: "/"):
                while at < text.count, byte() != 0x0A { at += 1 }
            default: return
            }
        }
    }

    private func literalPrefix() -> (length: Int, isRaw: Bool, isBytes: Bool)? {
        var length = 0
        var isRaw = false
        var isBytes = false
        while length < 2 {
            switch byte(length) {
            case UInt8(ascii: "r"), UInt8(ascii: "R"):
                if isRaw { return nil }
                isRaw = true
            case UInt8(ascii: "b"), UInt8(ascii: "B"):
                if isBytes { return nil }
                isBytes = true
            default: return nil
            }
            length += 1
            if byte(length) == UInt8(ascii: "\"") || byte(length) == UInt8(ascii: "'") { return (length, isRaw, isBytes) }
        }
        return nil
    }

    private mutating func number() throws(ExpressionFailure) -> Token {
        let start = at
        if byte() == UInt8(ascii: "0"), byte(1) == UInt8(ascii: "x") || byte(1) == UInt8(ascii: "X") {
            at += 2
            let digits = at
            while isHex(byte()) { at += 1 }
            guard at > digits, let value = UInt64(String(decoding: text[digits..<at], as: UTF8.self), radix: 16) else {
                throw failure("A hexadecimal number that does not fit 64 bits.", at: start)
            }
            return takeSuffix() ? .uint(value) : .int(value)
        }
        while isDigit(byte()) { at += 1 }
        var isDouble = false
        if byte() == UInt8(ascii: "."), isDigit(byte(1)) {
            isDouble = true
            at += 1
            while isDigit(byte()) { at += 1 }
        }
        if byte() == UInt8(ascii: "e") || byte() == UInt8(ascii: "E") {
            let sign = byte(1) == UInt8(ascii: "+") || byte(1) == UInt8(ascii: "-") ? 1 : 0
            if isDigit(byte(1 + sign)) {
                isDouble = true
                at += 1 + sign
                while isDigit(byte()) { at += 1 }
            }
        }
        let digits = String(decoding: text[start..<at], as: UTF8.self)
        if isDouble {
            guard let value = Double(digits.first == "." ? "0" + digits : digits) else {
                throw failure("A number that cannot be read.", at: start)
            }
            return .double(value)
        }
        guard let value = UInt64(digits) else { throw failure("A whole number that does not fit 64 bits.", at: start) }
        return takeSuffix() ? .uint(value) : .int(value)
    }

    private mutating func takeSuffix() -> Bool {
        guard byte() == UInt8(ascii: "u") || byte() == UInt8(ascii: "U") else { return false }
        at += 1
        return true
    }

    private mutating func quotedName() throws(ExpressionFailure) -> Token {
        let start = at
        at += 1
        while at < text.count, byte() != UInt8(ascii: "`") {
            let isAllowed = isNamePart(byte()) || [UInt8](" ./-".utf8).contains(byte())
            guard isAllowed else { throw failure("A quoted name may hold letters, digits and _ . - / and spaces.", at: at) }
            at += 1
        }
        guard at < text.count, at > start + 1 else { throw failure("A quoted name has to end with a back quote.", at: start) }
        at += 1
        return .quotedName(String(decoding: text[start + 1..<at - 1], as: UTF8.self))
    }

    private mutating func quoted(isRaw: Bool, isBytes: Bool) throws(ExpressionFailure) -> Token {
        let start = at
        let quote = byte()
        let isTriple = byte(1) == quote && byte(2) == quote
        at += isTriple ? 3 : 1
        var out: [UInt8] = []
        while true {
            guard at < text.count else { throw failure("A text that does not end.", at: start) }
            let next = byte()
            if next == quote, !isTriple || (byte(1) == quote && byte(2) == quote) {
                at += isTriple ? 3 : 1
                break
            }
            if next == UInt8(ascii: "\\"), !isRaw {
                try escape(into: &out, isBytes: isBytes)
                continue
            }
            if next == 0x0A || next == 0x0D, !isTriple { throw failure("A line break needs triple quotes.", at: at) }
            out.append(next)
            at += 1
        }
        if isBytes { return .bytes(out) }
        return .string(String(decoding: out, as: UTF8.self))
    }

    private mutating func escape(into out: inout [UInt8], isBytes: Bool) throws(ExpressionFailure) {
        let start = at
        let kind = byte(1)
        at += 2
        switch kind {
        case UInt8(ascii: "a"): out.append(0x07)
        case UInt8(ascii: "b"): out.append(0x08)
        case UInt8(ascii: "f"): out.append(0x0C)
        case UInt8(ascii: "n"): out.append(0x0A)
        case UInt8(ascii: "r"): out.append(0x0D)
        case UInt8(ascii: "t"): out.append(0x09)
        case UInt8(ascii: "v"): out.append(0x0B)
        case UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "`"), UInt8(ascii: "?"): out.append(kind)
        case UInt8(ascii: "x"), UInt8(ascii: "X"): try code(digits: 2, radix: 16, from: start, into: &out, isBytes: isBytes)
        case UInt8(ascii: "0")...UInt8(ascii: "3"):
            at -= 1
            try code(digits: 3, radix: 8, from: start, into: &out, isBytes: isBytes)
        case UInt8(ascii: "u") where !isBytes: try code(digits: 4, radix: 16, from: start, into: &out, isBytes: false)
        case UInt8(ascii: "U") where !isBytes: try code(digits: 8, radix: 16, from: start, into: &out, isBytes: false)
        default: throw failure("An escape that does not exist.", at: start)
        }
    }

    private mutating func code(
        digits: Int, radix: Int, from start: Int, into out: inout [UInt8], isBytes: Bool
    ) throws(ExpressionFailure) {
        let end = at + digits
        guard end <= text.count, text[at..<end].allSatisfy(isHex),
            let value = UInt32(String(decoding: text[at..<end], as: UTF8.self), radix: radix)
        else { throw failure("An escape needs \(digits) digits.", at: start) }
        at = end
        if isBytes {
            guard let byte = UInt8(exactly: value) else { throw failure("An escape beyond one byte.", at: start) }
            out.append(byte)
            return
        }
        guard let scalar = Unicode.Scalar(value) else { throw failure("An escape that is no Unicode scalar value.", at: start) }
        out.append(contentsOf: String(Character(scalar)).utf8)
    }
}

func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

private func isHex(_ byte: UInt8) -> Bool {
    isDigit(byte) || (byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "f"))
        || (byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "F"))
}

private func isNameStart(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "_") || (byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z"))
        || (byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z"))
}

private func isNamePart(_ byte: UInt8) -> Bool { isNameStart(byte) || isDigit(byte) }
