import Kernel

/// Signs, words, names and literals.
extension FEELParser {
    mutating func string() throws(FEELProblem) -> String {
        guard at < text.count, text[at] == "\"" else { throw problem("A text in quotes has to stand here") }
        let start = at
        at += 1
        var out = String.UnicodeScalarView()
        while at < text.count, text[at] != "\"" {
            guard text[at] == "\\", at + 1 < text.count else {
                out.append(text[at])
                at += 1
                continue
            }
            at += 2
            switch text[at - 1] {
            case "n": out.append("\n")
            case "t": out.append("\t")
            case "r": out.append("\r")
            case "u", "U": out.append(try escaped(text[at - 1] == "u" ? 4 : 6))
            case let other where other == "\"" || other == "\\" || other == "'": out.append(other)
            case let other:
                out.append("\\")
                out.append(other)
            }
        }
        guard at < text.count else { throw FEELProblem(offset: start, message: "The text is not closed") }
        at += 1
        return String(out)
    }

    mutating func escaped(_ count: Int) throws(FEELProblem) -> Unicode.Scalar {
        func unit() -> UInt32? {
            guard at + count <= text.count else { return nil }
            var scalars = String.UnicodeScalarView()
            scalars.append(contentsOf: text[at..<at + count])
            return UInt32(String(scalars), radix: 16)
        }
        guard var value = unit() else { throw problem("An escape has \(count) hexadecimal digits") }
        at += count
        // A pair of UTF-16 halves is one character.
        if (0xD800..<0xDC00).contains(value), at + 2 <= text.count, text[at] == "\\", text[at + 1] == "u" {
            at += 2
            if let low = unit(), (0xDC00..<0xE000).contains(low) {
                value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
                at += count
            }
        }
        guard let scalar = Unicode.Scalar(value) else { throw problem("The escape stands for no character") }
        return scalar
    }

    mutating func number() throws(FEELProblem) -> FEELNumber {
        let start = at
        func digits() { while at < text.count, ("0"..."9").contains(text[at]) { at += 1 } }
        digits()
        if at + 1 < text.count, text[at] == ".", ("0"..."9").contains(text[at + 1]) {
            at += 1
            digits()
        }
        if at + 1 < text.count, text[at] == "e" || text[at] == "E" {
            let mark = at
            at += 1
            if at < text.count, text[at] == "+" || text[at] == "-" { at += 1 }
            if at < text.count, ("0"..."9").contains(text[at]) { digits() } else { at = mark }
        }
        var scalars = String.UnicodeScalarView()
        scalars.append(contentsOf: text[start..<at])
        guard let number = FEELNumber(String(scalars)) else {
            throw FEELProblem(offset: start, message: "The number is outside the range of decimals")
        }
        return number
    }

    /// The longest known name that stands here, else a plain one.
    mutating func name() -> String? {
        skip()
        for known in names {
            if let past = matches(known) {
                at = past
                return String(String.UnicodeScalarView(known))
            }
        }
        return identifier()
    }

    /// Where the name ends when it stands here; blanks inside it may be any number of blanks.
    func matches(_ name: [Unicode.Scalar]) -> Int? {
        var place = at
        for scalar in name {
            if scalar == " " {
                guard place < text.count, text[place].properties.isWhitespace else { return nil }
                while place < text.count, text[place].properties.isWhitespace { place += 1 }
            } else {
                guard place < text.count, text[place] == scalar else { return nil }
                place += 1
            }
        }
        guard place > at, place == text.count || !FEELParser.isPart(text[place]) || !FEELParser.isPart(text[place - 1]) else {
            return nil
        }
        return place
    }

    mutating func identifier() -> String? {
        guard at < text.count, FEELParser.isPart(text[at]), !("0"..."9").contains(text[at]) else { return nil }
        let start = at
        var scalars = String.UnicodeScalarView()
        while at < text.count, FEELParser.isPart(text[at]) {
            scalars.append(text[at])
            at += 1
        }
        let word = String(scalars)
        if FEELParser.keywords.contains(word) {
            at = start
            return nil
        }
        return word
    }

    static func isPart(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "_" || scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
    }

    mutating func skip() { while at < text.count, text[at].properties.isWhitespace { at += 1 } }

    func peek(_ sign: String) -> Bool { text[at...].starts(with: sign.unicodeScalars) }

    mutating func take(_ sign: String) -> Bool {
        skip()
        guard peek(sign) else { return false }
        at += sign.unicodeScalars.count
        return true
    }

    mutating func takeWord(_ word: String) -> Bool {
        skip()
        let end = at + word.unicodeScalars.count
        guard peek(word), end == text.count || !FEELParser.isPart(text[end]) else { return false }
        at = end
        return true
    }

    mutating func expect(_ sign: String) throws(FEELProblem) {
        guard take(sign) else { throw problem("`\(sign)` has to stand here") }
    }

    mutating func expectWord(_ word: String) throws(FEELProblem) {
        guard takeWord(word) else { throw problem("`\(word)` has to stand here") }
    }

    mutating func end() throws(FEELProblem) {
        skip()
        guard at == text.count else { throw problem("The expression ends before `\(String(text[at]))`") }
    }

    func problem(_ message: String) -> FEELProblem { FEELProblem(offset: at, message: message) }
}
