/// A picture as plain pixels: red, green, blue and opacity, eight bits each, row by row from the top.
struct Raster: Equatable {
    var width: Int
    var height: Int
    var pixels: [UInt8]

    /// The picture no wider and no higher than asked, each new pixel the mean of those it covers, by their opacity.
    func fitted(width most: Int, height tallest: Int) -> Raster {
        guard width > most || height > tallest else { return self }
        let isWide = width * tallest > height * most
        let newWidth = isWide ? most : max(1, width * tallest / height)
        let newHeight = isWide ? max(1, height * most / width) : tallest
        var out = [UInt8](repeating: 0, count: newWidth * newHeight * 4)
        for row in 0..<newHeight {
            let (top, bottom) = (row * height / newHeight, max(row * height / newHeight + 1, (row + 1) * height / newHeight))
            for column in 0..<newWidth {
                let left = column * width / newWidth
                let right = max(left + 1, (column + 1) * width / newWidth)
                var sums = (0, 0, 0, 0)
                for y in top..<bottom {
                    for x in left..<right {
                        let at = (y * width + x) * 4
                        let opacity = Int(pixels[at + 3])
                        sums.0 += Int(pixels[at]) * opacity
                        sums.1 += Int(pixels[at + 1]) * opacity
                        sums.2 += Int(pixels[at + 2]) * opacity
                        sums.3 += opacity
                    }
                }
                guard sums.3 > 0 else { continue }
                let at = (row * newWidth + column) * 4
                out[at] = UInt8((sums.0 + sums.3 / 2) / sums.3)
                out[at + 1] = UInt8((sums.1 + sums.3 / 2) / sums.3)
                out[at + 2] = UInt8((sums.2 + sums.3 / 2) / sums.3)
                out[at + 3] = UInt8(sums.3 / ((bottom - top) * (right - left)))
            }
        }
        return Raster(width: newWidth, height: newHeight, pixels: out)
    }
}
