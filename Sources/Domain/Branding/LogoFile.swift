/// Why a picture cannot be used, and what to do.
package struct LogoFlaw: Error, Hashable, Sendable, CustomStringConvertible {
    package let message: String
    package let remedy: String

    init(_ message: String, remedy: String) {
        self.message = message
        self.remedy = remedy
    }

    static func broken(_ what: String) -> LogoFlaw {
        LogoFlaw("The picture is broken: \(what).", remedy: "Save it again, or export it anew.")
    }

    package var description: String { "\(message) \(remedy)" }
}

/// Where a brand shows a picture; the largest size in pixels is twice to four times of what the place shows.
package enum LogoSlot: String, CaseIterable, Hashable, Sendable {
    case light, dark, mark, favicon, mail, reportCover

    package var title: String {
        switch self {
        case .light: "Logo on light"
        case .dark: "Logo on dark"
        case .mark: "Mark"
        case .favicon: "Tab icon"
        case .mail: "Logo of mails"
        case .reportCover: "Cover of reports"
        }
    }

    var widthMax: Int { [.mark, .favicon].contains(self) ? 256 : self == .reportCover ? 1240 : 640 }
    var heightMax: Int { [.mark, .favicon].contains(self) ? 256 : self == .reportCover ? 1754 : 192 }
    /// Of what is served. Mails and pages load it each time somebody comes anew.
    var storedBytesMax: Int { self == .reportCover ? 2_097_152 : 98_304 }
    /// Mail programs show no drawings.
    var takesDrawings: Bool { self != .mail && self != .reportCover }
}

/// A picture of a brand, made anew from what was sent. None of the bytes that came are in it.
package struct LogoFile: Hashable, Sendable {
    package enum Form: String, CaseIterable, Hashable, Sendable {
        case png, svg

        package var contentType: String { self == .png ? "image/png" : "image/svg+xml" }
    }

    package static let bytesMax = 524_288

    package let form: Form
    package let width: Int
    package let height: Int
    package let bytes: [UInt8]

    /// Judges by the bytes; a file's name and the type that a browser claims are not asked.
    package static func read(_ bytes: [UInt8], for slot: LogoSlot) throws(LogoFlaw) -> LogoFile {
        guard bytes.count <= bytesMax else {
            throw LogoFlaw("The file has \(bytes.count) bytes.", remedy: "Keep it to \(bytesMax) bytes.")
        }
        if bytes.starts(with: PNG.magic) {
            let raster = try PNG.read(bytes).fitted(width: slot.widthMax, height: slot.heightMax)
            return try stored(.png, raster.width, raster.height, PNG.write(raster), slot)
        }
        if let other = otherForm(bytes) {
            throw LogoFlaw("This is \(other).", remedy: "Save it as PNG, or as plain SVG.")
        }
        guard slot.takesDrawings else {
            throw LogoFlaw("This is no PNG.", remedy: "Mails and reports show PNG only; save it as that.")
        }
        let drawing = try SVGDrawing.rebuilt(bytes)
        return try stored(.svg, drawing.width, drawing.height, Array(drawing.text.utf8), slot)
    }

    private static func stored(
        _ form: Form, _ width: Int, _ height: Int, _ bytes: [UInt8], _ slot: LogoSlot
    ) throws(LogoFlaw) -> LogoFile {
        guard bytes.count <= slot.storedBytesMax else {
            throw LogoFlaw(
                "At \(width) by \(height) pixels it still has \(bytes.count) bytes.",
                remedy: "Use fewer colours or a plainer picture; \(slot.storedBytesMax) bytes are the most here.")
        }
        return LogoFile(form: form, width: width, height: height, bytes: bytes)
    }

    private static func otherForm(_ bytes: [UInt8]) -> String? {
        let known: [([UInt8], String)] = [
            ([0xFF, 0xD8, 0xFF], "a JPEG"), (Array("GIF8".utf8), "a GIF"), (Array("RIFF".utf8), "a WebP or another RIFF file"),
            ([0, 0, 1, 0], "an ICO"), (Array("BM".utf8), "a BMP"), (Array("%PDF".utf8), "a PDF"),
            (Array("PK".utf8), "a ZIP archive"),
            ([0x49, 0x49, 0x2A, 0], "a TIFF"), ([0x4D, 0x4D, 0, 0x2A], "a TIFF"), ([0x1F, 0x8B], "a packed file"),
        ]
        return known.first { bytes.starts(with: $0.0) }?.1
    }
}
