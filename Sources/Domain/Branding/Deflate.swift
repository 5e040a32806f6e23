/// Packs bytes into a zlib stream: matches within the last 32 KiB, fixed codes. Logos are flat, so this is small enough.
struct Deflate {
    private static let windowBytes = 32_768
    private static let matchMax = 258
    /// Earlier places of the same three bytes that are compared.
    private static let tries = 24

    private var out: [UInt8] = [0x78, 0x01]
    private var bits: UInt64 = 0
    private var held: UInt64 = 0

    static func pack(_ bytes: [UInt8]) -> [UInt8] {
        var stream = Deflate()
        stream.put(1, 1)
        stream.put(1, 2)
        stream.body(bytes)
        stream.literal(256)
        if stream.held > 0 { stream.out.append(UInt8(truncatingIfNeeded: stream.bits)) }
        let sum = Checksum.adler(bytes)
        return stream.out + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: sum >> $0) }
    }

    private mutating func put(_ value: Int, _ count: Int) {
        bits |= UInt64(value) << held
        held += UInt64(count)
        while held >= 8 {
            out.append(UInt8(truncatingIfNeeded: bits))
            bits >>= 8
            held -= 8
        }
    }

    /// Huffman codes stand with their highest bit first.
    private mutating func code(_ value: Int, _ count: Int) {
        var turned = 0
        for index in 0..<count where value & (1 << index) != 0 { turned |= 1 << (count - 1 - index) }
        put(turned, count)
    }

    private mutating func literal(_ symbol: Int) {
        switch symbol {
        case ..<144: code(0x30 + symbol, 8)
        case ..<256: code(0x190 + symbol - 144, 9)
        case ..<280: code(symbol - 256, 7)
        default: code(0xC0 + symbol - 280, 8)
        }
    }

    private mutating func match(_ length: Int, _ distance: Int) {
        let place = Deflate.place(of: length, in: Deflate.lengths)
        literal(257 + place)
        put(length - Deflate.lengths[place].base, Deflate.lengths[place].bits)
        let far = Deflate.place(of: distance, in: Deflate.distances)
        code(far, 5)
        put(distance - Deflate.distances[far].base, Deflate.distances[far].bits)
    }

    private mutating func body(_ bytes: [UInt8]) {
        var newest = [Int](repeating: -1, count: 65_536)
        var earlier = [Int](repeating: -1, count: bytes.count)
        func mark(_ at: Int) -> Int {
            (Int(bytes[at]) << 16 | Int(bytes[at + 1]) << 8 | Int(bytes[at + 2])) &* 40_503 >> 4 & 0xFFFF
        }
        var at = 0
        while at < bytes.count {
            var (best, distance) = (0, 0)
            if at + 3 <= bytes.count {
                let limit = min(Deflate.matchMax, bytes.count - at)
                var (candidate, left) = (newest[mark(at)], Deflate.tries)
                while candidate >= 0, at - candidate <= Deflate.windowBytes, left > 0 {
                    var length = 0
                    while length < limit, bytes[candidate + length] == bytes[at + length] { length += 1 }
                    if length > best { (best, distance) = (length, at - candidate) }
                    if best == limit { break }
                    candidate = earlier[candidate]
                    left -= 1
                }
            }
            let step = best >= 3 ? best : 1
            if best >= 3 { match(best, distance) } else { literal(Int(bytes[at])) }
            for index in at..<(at + step) where index + 3 <= bytes.count {
                earlier[index] = newest[mark(index)]
                newest[mark(index)] = index
            }
            at += step
        }
    }

    private struct Step {
        let base: Int
        let bits: Int
    }

    private static func place(of value: Int, in steps: [Step]) -> Int { (steps.lastIndex { $0.base <= value }) ?? 0 }

    /// Steps that double in width after every `group` of them.
    private static func steps(from first: Int, count: Int, plain: Int, group: Int) -> [Step] {
        var (base, out) = (first, [Step]())
        for index in 0..<count {
            let bits = index < plain ? 0 : (index - plain) / group + 1
            out.append(Step(base: base, bits: bits))
            base += 1 << bits
        }
        return out
    }

    private static let lengths = steps(from: 3, count: 28, plain: 8, group: 4) + [Step(base: 258, bits: 0)]
    private static let distances = steps(from: 1, count: 30, plain: 4, group: 2)
}
