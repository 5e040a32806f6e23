/// A QR code (ISO/IEC 18004) of bytes, at the level that survives fifteen per cent of damage; up to 20 versions, 666 bytes.
///
/// Drawn on the server: the secret of a second factor goes to the screen it is asked from and to no service that draws pictures.
package struct QRCode: Sendable {
    private static let checkWords = [10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26]
    private static let blockCounts = [1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16]
    /// Blank modules that a reader needs around the code.
    static let quiet = 4

    /// Modules along one side.
    package let size: Int
    /// Rows from the top, true for dark.
    package private(set) var modules: [[Bool]]
    private var isFixed: [[Bool]]

    /// Nil for more than fits.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard
            let version = (1...QRCode.checkWords.count).first(where: { version in
                4 + (version < 10 ? 8 : 16) + bytes.count * 8 <= QRCode.dataWords(version) * 8
            })
        else { return nil }
        size = version * 4 + 17
        modules = Array(repeating: Array(repeating: false, count: size), count: size)
        isFixed = modules
        drawFixed(version)
        place(QRCode.interleaved(QRCode.words(bytes, version), version))
        var best: (mask: Int, penalty: Int)?
        for mask in 0..<8 {
            var trial = self
            trial.apply(mask)
            let penalty = trial.penalty
            if penalty < best?.penalty ?? .max { best = (mask, penalty) }
        }
        apply(best?.mask ?? 0)
    }

    // MARK: Bytes to words

    private static func rawBits(_ version: Int) -> Int {
        var bits = (16 * version + 128) * version + 64
        if version >= 2 {
            let count = version / 7 + 2
            bits -= (25 * count - 10) * count - 55
        }
        return version >= 7 ? bits - 36 : bits
    }

    private static func dataWords(_ version: Int) -> Int {
        rawBits(version) / 8 - checkWords[version - 1] * blockCounts[version - 1]
    }

    /// Mode, length, the bytes, and padding up to the version's capacity.
    private static func words(_ bytes: [UInt8], _ version: Int) -> [UInt8] {
        var bits: [Bool] = []
        func add(_ value: Int, _ count: Int) { for shift in (0..<count).reversed() { bits.append(value >> shift & 1 == 1) } }
        add(4, 4)
        add(bytes.count, version < 10 ? 8 : 16)
        for byte in bytes { add(Int(byte), 8) }
        let capacity = dataWords(version) * 8
        add(0, min(4, capacity - bits.count))
        add(0, (8 - bits.count % 8) % 8)
        var out = stride(from: 0, to: bits.count, by: 8).map { start in
            bits[start..<start + 8].reduce(UInt8(0)) { $0 << 1 | ($1 ? 1 : 0) }
        }
        var pad: UInt8 = 0xEC
        while out.count < capacity / 8 {
            out.append(pad)
            pad ^= 0xEC ^ 0x11
        }
        return out
    }

    /// Splits into blocks, adds check words to each, and takes a word of each block in turn.
    private static func interleaved(_ data: [UInt8], _ version: Int) -> [UInt8] {
        let (count, checks) = (blockCounts[version - 1], checkWords[version - 1])
        let raw = rawBits(version) / 8
        let (length, longs) = (raw / count - checks, raw % count)
        let divisor = generator(checks)
        var blocks: [(data: [UInt8], check: [UInt8])] = []
        var start = 0
        for index in 0..<count {
            let end = start + length + (index >= count - longs ? 1 : 0)
            let part = Array(data[start..<end])
            blocks.append((part, remainder(part, divisor)))
            start = end
        }
        var out: [UInt8] = []
        for index in 0...length { for block in blocks where index < block.data.count { out.append(block.data[index]) } }
        for index in 0..<checks { for block in blocks { out.append(block.check[index]) } }
        return out
    }

    // MARK: Reed and Solomon

    /// Multiplies in the field of 256 elements modulo x⁸+x⁴+x³+x²+1.
    private static func times(_ first: UInt8, _ second: UInt8) -> UInt8 {
        var product = 0
        for shift in (0..<8).reversed() {
            product = product << 1 ^ (product >> 7) * 0x11D
            product ^= Int(second >> UInt8(shift) & 1) * Int(first)
        }
        return UInt8(truncatingIfNeeded: product)
    }

    private static func generator(_ degree: Int) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: degree)
        out[degree - 1] = 1
        var root: UInt8 = 1
        for _ in 0..<degree {
            for index in 0..<degree {
                out[index] = times(out[index], root)
                if index + 1 < degree { out[index] ^= out[index + 1] }
            }
            root = times(root, 2)
        }
        return out
    }

    private static func remainder(_ data: [UInt8], _ divisor: [UInt8]) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: divisor.count)
        for byte in data {
            let factor = byte ^ out[0]
            out.removeFirst()
            out.append(0)
            for (index, word) in divisor.enumerated() { out[index] ^= times(word, factor) }
        }
        return out
    }

    // MARK: Modules

    private mutating func set(_ column: Int, _ row: Int, _ isDark: Bool) {
        modules[row][column] = isDark
        isFixed[row][column] = true
    }

    private mutating func drawFixed(_ version: Int) {
        for index in 0..<size {
            set(6, index, index % 2 == 0)
            set(index, 6, index % 2 == 0)
        }
        for (column, row) in [(3, 3), (size - 4, 3), (3, size - 4)] { drawFinder(column, row) }
        drawAlignment(version)
        drawFormat(0)
        guard version >= 7 else { return }
        var rest = version
        for _ in 0..<12 { rest = rest << 1 ^ (rest >> 11) * 0x1F25 }
        let bits = version << 12 | rest
        for index in 0..<18 {
            let (far, near) = (size - 11 + index % 3, index / 3)
            set(far, near, bits >> index & 1 == 1)
            set(near, far, bits >> index & 1 == 1)
        }
    }

    private mutating func drawFinder(_ column: Int, _ row: Int) {
        for down in -4...4 {
            for across in -4...4 where (0..<size).contains(column + across) && (0..<size).contains(row + down) {
                let ring = max(abs(across), abs(down))
                set(column + across, row + down, ring != 2 && ring != 4)
            }
        }
    }

    private mutating func drawAlignment(_ version: Int) {
        guard version >= 2 else { return }
        let count = version / 7 + 2
        let step = (version * 8 + count * 3 + 5) / (count * 4 - 4) * 2
        var places = [6]
        for index in (0..<count - 1).reversed() { places.append(size - 7 - index * step) }
        for column in places {
            for row in places {
                // The three corners hold the finders.
                if (column == 6 && (row == 6 || row == size - 7)) || (column == size - 7 && row == 6) { continue }
                for down in -2...2 {
                    for across in -2...2 { set(column + across, row + down, max(abs(across), abs(down)) != 1) }
                }
            }
        }
    }

    /// Level and mask, twice.
    private mutating func drawFormat(_ mask: Int) {
        var rest = mask
        for _ in 0..<10 { rest = rest << 1 ^ (rest >> 9) * 0x537 }
        let bits = (mask << 10 | rest) ^ 0x5412
        func bit(_ index: Int) -> Bool { bits >> index & 1 == 1 }
        for index in 0..<6 { set(8, index, bit(index)) }
        set(8, 7, bit(6))
        set(8, 8, bit(7))
        set(7, 8, bit(8))
        for index in 9..<15 { set(14 - index, 8, bit(index)) }
        for index in 0..<8 { set(size - 1 - index, 8, bit(index)) }
        for index in 8..<15 { set(8, size - 15 + index, bit(index)) }
        set(8, size - 8, true)
    }

    /// Two columns at a time from the right, up and down in turn, around what is fixed.
    private mutating func place(_ words: [UInt8]) {
        var index = 0
        var right = size - 1
        while right >= 1 {
            if right == 6 { right = 5 }
            let goesUp = (right + 1) & 2 == 0
            for step in 0..<size {
                let row = goesUp ? size - 1 - step : step
                for column in [right, right - 1] where !isFixed[row][column] && index < words.count * 8 {
                    modules[row][column] = words[index / 8] >> UInt8(7 - index % 8) & 1 == 1
                    index += 1
                }
            }
            right -= 2
        }
    }

    private mutating func apply(_ mask: Int) {
        for row in 0..<size {
            for column in 0..<size where !isFixed[row][column] && QRCode.flips(mask, column, row) {
                modules[row][column].toggle()
            }
        }
        drawFormat(mask)
    }

    private static func flips(_ mask: Int, _ x: Int, _ y: Int) -> Bool {
        switch mask {
        case 0: (x + y) % 2 == 0
        case 1: y % 2 == 0
        case 2: x % 3 == 0
        case 3: (x + y) % 3 == 0
        case 4: (x / 3 + y / 2) % 2 == 0
        case 5: x * y % 2 + x * y % 3 == 0
        case 6: (x * y % 2 + x * y % 3) % 2 == 0
        default: ((x + y) % 2 + x * y % 3) % 2 == 0
        }
    }

    /// How hard this is to read: long runs, squares of one colour, what looks like a finder, and an uneven share of dark.
    private var penalty: Int {
        let columns = (0..<size).map { column in modules.map { $0[column] } }
        var total = (modules + columns).reduce(0) { $0 + QRCode.penalty(ofLine: $1) }
        for row in 0..<size - 1 {
            for column in 0..<size - 1 {
                let first = modules[row][column]
                if first == modules[row][column + 1], first == modules[row + 1][column], first == modules[row + 1][column + 1] {
                    total += 3
                }
            }
        }
        let dark = modules.reduce(0) { $0 + $1.count { $0 } }
        return total + abs(dark * 20 - size * size * 10) / (size * size) * 10
    }

    private static let likeFinder = [true, false, true, true, true, false, true]

    private static func penalty(ofLine line: [Bool]) -> Int {
        var (total, run) = (0, 1)
        for index in 1...line.count {
            if index < line.count, line[index] == line[index - 1] {
                run += 1
            } else {
                if run >= 5 { total += run - 2 }
                run = 1
            }
        }
        for start in 0...line.count - 7 where line[start..<start + 7].elementsEqual(likeFinder) {
            let before = line[max(0, start - 4)..<start]
            let after = line[start + 7..<min(line.count, start + 11)]
            if !before.contains(true) || !after.contains(true) { total += 40 }
        }
        return total
    }

    // MARK: Drawing

    /// An `<svg>` of its own size, dark on white in every theme: a camera has to read it.
    var markup: Markup {
        let side = size + 2 * QRCode.quiet
        var drawing = Drawing()
        drawing.open(
            "svg",
            [
                "class": "qr", "viewBox": "0 0 \(side) \(side)", "width": "\(side * 5)", "height": "\(side * 5)", "role": "img",
                "aria-label": "QR code for an authenticator app", "shape-rendering": "crispEdges",
            ])
        drawing.element("rect", ["class": "qrlight", "width": "\(side)", "height": "\(side)"])
        var data = ""
        for (row, line) in modules.enumerated() {
            var column = 0
            while column < size {
                let start = column
                while column < size, line[column] { column += 1 }
                if column > start {
                    data += "M\(start + QRCode.quiet) \(row + QRCode.quiet)h\(column - start)v1h-\(column - start)z"
                }
                column += 1
            }
        }
        drawing.path("qrdark", data)
        drawing.close("svg")
        return drawing.markup
    }
}
