/// Every limit of this room, by name.
package enum AssetBounds {
    package static let fileBytesMax = 1_048_576
    /// Lists and objects inside one another.
    package static let depthMax = 40
    /// Values of one file, each list and object counted too.
    package static let valuesMax = 50_000
    package static let filesPerFolderMax = 2_000
    /// Issues shown of one file; a file with more is broken in one place and misread in the others.
    package static let issuesPerFileMax = 50
    /// Raster images of a partner's brand.
    package static let imageBytesMax = 524_288
    /// Canonical bytes of a whole bundle.
    package static let bundleBytesMax = 16_777_216
}
