/// Opens a zlib stream (RFC 1950 and 1951) into at most so many bytes, in memory-safe code: the bytes come from strangers.
struct Inflate {
    private static let lengthBase =
        [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115]
        + [131, 163, 195, 227, 258]
    private static let lengthBits = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0]
    private static let distanceBase =
        [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097]
        + [6145, 8193, 12289, 16385, 24577]
    private static let distanceBits =
        [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13]
    private static let codeOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

    /// The bits of a canonical Huffman code: how many codes there are of each length, and the symbols in order.
    private struct Code {
        var counts = [Int](repeating: 0, count: 16)
        var symbols: [Int]

        /// Nil for lengths that claim more codes than there are.
        init?(_ lengths: ArraySlice<Int>) {
            symbols = [Int](repeating: 0, count: lengths.count)
            for length in lengths { counts[length] += 1 }
            counts[0] = 0
            var left = 1
            for length in 1...15 {
                left = left * 2 - counts[length]
                if left < 0 { return nil }
            }
            var offsets = [Int](repeating: 0, count: 16)
            for length in 1..<15 { offsets[length + 1] = offsets[length] + counts[length] }
            for (symbol, length) in lengths.enumerated() where length > 0 {
                symbols[offsets[length]] = symbol
                offsets[length] += 1
            }
        }
    }

    private let bytes: [UInt8]
    private let bytesMax: Int
    private var place = 2
    private var bits = 0
    private var held = 0
    private var out: [UInt8] = []

    private init(_ bytes: [UInt8], bytesMax: Int) {
        self.bytes = bytes
        self.bytesMax = bytesMax
        out.reserveCapacity(min(bytesMax, bytes.count * 4))
    }

    /// What the stream holds; a flaw when it is broken, goes on after its end, or would be longer than `bytesMax`.
    static func open(_ bytes: [UInt8], bytesMax: Int) throws(LogoFlaw) -> [UInt8] {
        guard bytes.count >= 6, bytes[0] & 15 == 8, bytes[1] & 32 == 0, (Int(bytes[0]) << 8 | Int(bytes[1])) % 31 == 0 else {
            throw .broken("its packed data do not begin as they should")
        }
        var stream = Inflate(bytes, bytesMax: bytesMax)
        while try !stream.block() {}
        let end = stream.place
        guard end + 4 == bytes.count else { throw .broken("its packed data go on after their end") }
        let sum = bytes[end...].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard sum == Checksum.adler(stream.out) else { throw .broken("its packed data do not match their checksum") }
        return stream.out
    }

    private mutating func take(_ count: Int) throws(LogoFlaw) -> Int {
        while held < count {
            guard place < bytes.count else { throw .broken("it ends too early") }
            bits |= Int(bytes[place]) << held
            place += 1
            held += 8
        }
        let value = bits & ((1 << count) - 1)
        bits >>= count
        held -= count
        return value
    }

    private mutating func symbol(_ code: Code) throws(LogoFlaw) -> Int {
        var (word, first, index) = (0, 0, 0)
        for length in 1...15 {
            word |= try take(1)
            let count = code.counts[length]
            if word - count < first { return code.symbols[index + word - first] }
            index += count
            first = (first + count) << 1
            word <<= 1
        }
        throw .broken("its packed data use a code that they did not name")
    }

    /// True after the last block.
    private mutating func block() throws(LogoFlaw) -> Bool {
        let isLast = try take(1) == 1
        switch try take(2) {
        case 0: try stored()
        case 1: try codes(Inflate.fixed.literals, Inflate.fixed.distances)
        case 2:
            let (literals, distances) = try named()
            try codes(literals, distances)
        default: throw .broken("its packed data have a block of no kind")
        }
        if isLast { (bits, held) = (0, 0) }
        return isLast
    }

    private mutating func stored() throws(LogoFlaw) {
        (bits, held) = (0, 0)
        guard place + 4 <= bytes.count else { throw .broken("it ends too early") }
        let count = Int(bytes[place]) | Int(bytes[place + 1]) << 8
        guard count == ~(Int(bytes[place + 2]) | Int(bytes[place + 3]) << 8) & 0xFFFF, place + 4 + count <= bytes.count else {
            throw .broken("a part of its packed data has no true length")
        }
        try room(count)
        out += bytes[(place + 4)..<(place + 4 + count)]
        place += 4 + count
    }

    private func room(_ count: Int) throws(LogoFlaw) {
        guard out.count + count <= bytesMax else {
            throw LogoFlaw("It unpacks to more than its size allows.", remedy: "Save it again with another program.")
        }
    }

    private static let fixed: (literals: Code, distances: Code) = {
        let lengths = (0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 }
        guard let literals = Code(lengths[...]), let distances = Code([Int](repeating: 5, count: 30)[...]) else {
            preconditionFailure("the fixed codes of RFC 1951 are whole")
        }
        return (literals, distances)
    }()

    private mutating func named() throws(LogoFlaw) -> (Code, Code) {
        let (literals, distances, order) = (try take(5) + 257, try take(5) + 1, try take(4) + 4)
        let flaw = LogoFlaw.broken("its packed data name codes that cannot be")
        guard literals <= 286, distances <= 30 else { throw flaw }
        var lengths = [Int](repeating: 0, count: 19)
        for index in 0..<order { lengths[Inflate.codeOrder[index]] = try take(3) }
        guard let code = Code(lengths[...]) else { throw flaw }
        lengths = []
        while lengths.count < literals + distances {
            switch try symbol(code) {
            case 16:
                guard let last = lengths.last else { throw flaw }
                lengths += Array(repeating: last, count: 3 + (try take(2)))
            case 17: lengths += Array(repeating: 0, count: 3 + (try take(3)))
            case 18: lengths += Array(repeating: 0, count: 11 + (try take(7)))
            case let length: lengths.append(length)
            }
        }
        guard lengths.count == literals + distances, lengths[256] > 0, let first = Code(lengths[..<literals]),
            let second = Code(lengths[literals...])
        else { throw flaw }
        return (first, second)
    }

    private mutating func codes(_ literals: Code, _ distances: Code) throws(LogoFlaw) {
        while true {
            let found = try symbol(literals)
            if found < 256 {
                try room(1)
                out.append(UInt8(found))
                continue
            }
            if found == 256 { return }
            guard found - 257 < Inflate.lengthBase.count else { throw .broken("its packed data have a length of no kind") }
            let length = Inflate.lengthBase[found - 257] + (try take(Inflate.lengthBits[found - 257]))
            let far = try symbol(distances)
            guard far < Inflate.distanceBase.count else { throw .broken("its packed data have a distance of no kind") }
            let distance = Inflate.distanceBase[far] + (try take(Inflate.distanceBits[far]))
            guard distance <= out.count else { throw .broken("its packed data point before their beginning") }
            try room(length)
            for _ in 0..<length { out.append(out[out.count - distance]) }
        }
    }
}

/// The two checksums of a PNG.
enum Checksum {
    static func adler(_ bytes: [UInt8]) -> UInt32 {
        var (low, high): (UInt32, UInt32) = (1, 0)
        var index = 0
        while index < bytes.count {
            // So many sums fit into 32 bits before the remainder has to be taken.
            for byte in bytes[index..<min(index + 5552, bytes.count)] {
                low &+= UInt32(byte)
                high &+= low
            }
            low %= 65_521
            high %= 65_521
            index += 5552
        }
        return high << 16 | low
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
    }

    static func crc(_ bytes: some Sequence<UInt8>) -> UInt32 {
        ~bytes.reduce(UInt32.max) { table[Int(($0 ^ UInt32($1)) & 0xFF)] ^ $0 >> 8 }
    }
}
