/// Reads and writes PNG (ISO 15948). Reading takes pictures of every colour type, row by row; what else a file may carry
/// (text, colour profiles, places and times) is left behind.
enum PNG {
    static let magic: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    static let sideMax = 4096
    /// More than an A4 page at 150 dots to the inch.
    static let pixelsMax = 4_000_000
    private static let chunksMax = 4096

    private struct Header {
        let width: Int
        let height: Int
        let depth: Int
        let kind: Int

        var channels: Int { [0: 1, 2: 3, 3: 1, 4: 2, 6: 4][kind] ?? 0 }
        var rowBytes: Int { (width * channels * depth + 7) / 8 }
        /// Bytes between a sample and its neighbour to the left, for the filters.
        var reach: Int { max(1, channels * depth / 8) }

        init(_ data: ArraySlice<UInt8>) throws(LogoFlaw) {
            let bytes = Array(data)
            guard bytes.count == 13 else { throw .broken("its head has another length") }
            width = PNG.number(bytes[0..<4])
            height = PNG.number(bytes[4..<8])
            (depth, kind) = (Int(bytes[8]), Int(bytes[9]))
            guard width > 0, height > 0 else { throw .broken("it has no size") }
            guard width <= PNG.sideMax, height <= PNG.sideMax, width * height <= PNG.pixelsMax else {
                throw LogoFlaw(
                    "It is \(width) by \(height) pixels large.",
                    remedy: "Keep each side to \(PNG.sideMax) and the whole to \(PNG.pixelsMax) pixels.")
            }
            let depths = [0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16]][kind] ?? []
            guard depths.contains(depth), bytes[10] == 0, bytes[11] == 0 else { throw .broken("its head names no known form") }
            guard bytes[12] == 0 else {
                throw LogoFlaw("It is interlaced.", remedy: "Save it without interlacing.")
            }
        }
    }

    static func read(_ bytes: [UInt8]) throws(LogoFlaw) -> Raster {
        var at = magic.count
        var (header, count): (Header?, Int) = (nil, 0)
        var (packed, colors, clear): ([UInt8], [UInt8], [UInt8]) = ([], [], [])
        while true {
            count += 1
            guard at + 12 <= bytes.count, count <= chunksMax else { throw .broken("it ends without its last part") }
            let length = number(bytes[at..<(at + 4)])
            guard length <= bytes.count - at - 12 else { throw .broken("a part of it is longer than the file") }
            let name = bytes[(at + 4)..<(at + 8)]
            let data = bytes[(at + 8)..<(at + 8 + length)]
            let sum = number(bytes[(at + 8 + length)..<(at + 12 + length)])
            guard Int(Checksum.crc(bytes[(at + 4)..<(at + 8 + length)])) == sum else {
                throw .broken("a part of it does not match its checksum")
            }
            at += 12 + length
            switch String(decoding: name, as: UTF8.self) {
            case "IHDR":
                guard header == nil, count == 1 else { throw .broken("its head stands in a second place") }
                header = try Header(data)
            case "PLTE": colors = Array(data)
            case "tRNS": clear = Array(data)
            case "IDAT": packed += data
            case "IEND":
                guard let header, !packed.isEmpty else { throw .broken("it holds no picture") }
                guard at == bytes.count else {
                    throw LogoFlaw(
                        "Something else follows the picture in the same file.", remedy: "Save the picture again by itself.")
                }
                return try raster(header, try rows(header, packed), colors, clear)
            default:
                // A capital begins the name of a part without which the picture is not what was meant.
                guard let first = name.first, first & 0x20 != 0 else { throw .broken("it has a part of no known kind") }
            }
        }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }

    /// The rows without their filters.
    private static func rows(_ header: Header, _ packed: [UInt8]) throws(LogoFlaw) -> [UInt8] {
        let line = header.rowBytes + 1
        var bytes = try Inflate.open(packed, bytesMax: line * header.height)
        guard bytes.count == line * header.height else { throw .broken("it holds fewer rows than it says") }
        for row in 0..<header.height {
            let start = row * line
            let filter = bytes[start]
            guard filter <= 4 else { throw .broken("a row has a filter of no kind") }
            guard filter > 0 else { continue }
            for index in 1..<line {
                let left = index > header.reach ? Int(bytes[start + index - header.reach]) : 0
                let up = row > 0 ? Int(bytes[start - line + index]) : 0
                let corner = row > 0 && index > header.reach ? Int(bytes[start - line + index - header.reach]) : 0
                let add =
                    switch filter {
                    case 1: left
                    case 2: up
                    case 3: (left + up) / 2
                    default: paeth(left, up, corner)
                    }
                bytes[start + index] &+= UInt8(add)
            }
        }
        return bytes
    }

    private static func paeth(_ left: Int, _ up: Int, _ corner: Int) -> Int {
        let guess = left + up - corner
        let (first, second, third) = (abs(guess - left), abs(guess - up), abs(guess - corner))
        if first <= second, first <= third { return left }
        return second <= third ? up : corner
    }

    private static func raster(
        _ header: Header, _ rows: [UInt8], _ colors: [UInt8], _ clear: [UInt8]
    ) throws(LogoFlaw) -> Raster {
        let line = header.rowBytes + 1
        if header.kind == 3, colors.isEmpty || colors.count % 3 != 0 || colors.count > 768 {
            throw .broken("its table of colours is not whole")
        }
        let most = (1 << header.depth) - 1
        var out = [UInt8](repeating: 255, count: header.width * header.height * 4)
        for row in 0..<header.height {
            for column in 0..<header.width {
                func sample(_ channel: Int) -> Int {
                    let index = column * header.channels + channel
                    let start = row * line + 1
                    if header.depth == 16 { return Int(rows[start + index * 2]) << 8 | Int(rows[start + index * 2 + 1]) }
                    let bit = index * header.depth
                    return Int(rows[start + bit / 8]) >> (8 - header.depth - bit % 8) & most
                }
                func byte(_ channel: Int) -> UInt8 { UInt8(sample(channel) * 255 / most) }
                func isClear(_ channels: Int) -> Bool {
                    clear.count == channels * 2
                        && (0..<channels).allSatisfy { Int(clear[$0 * 2]) << 8 | Int(clear[$0 * 2 + 1]) == sample($0) }
                }
                let at = (row * header.width + column) * 4
                switch header.kind {
                case 0, 4:
                    for channel in 0..<3 { out[at + channel] = byte(0) }
                    if header.kind == 4 { out[at + 3] = byte(1) } else if isClear(1) { out[at + 3] = 0 }
                case 3:
                    let index = sample(0)
                    guard index * 3 + 2 < colors.count else { throw .broken("it uses a colour that it does not have") }
                    for channel in 0..<3 { out[at + channel] = colors[index * 3 + channel] }
                    if index < clear.count { out[at + 3] = clear[index] }
                default:
                    for channel in 0..<3 { out[at + channel] = byte(channel) }
                    if header.kind == 6 { out[at + 3] = byte(3) } else if isClear(3) { out[at + 3] = 0 }
                }
            }
        }
        return Raster(width: header.width, height: header.height, pixels: out)
    }

    // MARK: Writing

    /// The picture and nothing else: head, rows, end.
    static func write(_ raster: Raster) -> [UInt8] {
        let isOpaque = stride(from: 3, to: raster.pixels.count, by: 4).allSatisfy { raster.pixels[$0] == 255 }
        let channels = isOpaque ? 3 : 4
        let line = raster.width * channels
        var filtered: [UInt8] = []
        filtered.reserveCapacity((line + 1) * raster.height)
        var above = [UInt8](repeating: 0, count: line)
        for row in 0..<raster.height {
            var here = [UInt8](repeating: 0, count: line)
            for column in 0..<raster.width {
                for channel in 0..<channels {
                    here[column * channels + channel] = raster.pixels[(row * raster.width + column) * 4 + channel]
                }
            }
            let up = zip(here, above).map { $0 &- $1 }
            let left = here.indices.map { $0 < channels ? here[$0] : here[$0] &- here[$0 - channels] }
            let choices: [(UInt8, [UInt8])] = [(0, here), (1, left), (2, up)]
            let best = choices.min { weight($0.1) < weight($1.1) } ?? (0, here)
            filtered.append(best.0)
            filtered += best.1
            above = here
        }
        let head = big(raster.width) + big(raster.height) + [8, isOpaque ? 2 : 6, 0, 0, 0]
        return magic + chunk("IHDR", head) + chunk("IDAT", Deflate.pack(filtered)) + chunk("IEND", [])
    }

    /// How much a filtered row has left in it, by the rule of thumb of the standard.
    private static func weight(_ row: [UInt8]) -> Int { row.reduce(0) { $0 + min(Int($1), 256 - Int($1)) } }

    private static func big(_ value: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }

    private static func chunk(_ name: String, _ data: [UInt8]) -> [UInt8] {
        let body = Array(name.utf8) + data
        return big(data.count) + body + big(Int(Checksum.crc(body)))
    }
}
