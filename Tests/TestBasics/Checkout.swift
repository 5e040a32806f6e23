internal import Glibc

/// The checkout that a test was compiled from.
package enum Checkout {
    /// The folder of the manifest, by its real path, so that a link to it in another folder does not matter.
    package static let root: String = {
        guard let resolved = realpath(#filePath, nil) else { preconditionFailure("\(#filePath) is gone") }
        defer { free(resolved) }
        var folder = String(cString: resolved)
        while let slash = folder.lastIndex(of: "/") {
            folder = String(folder[..<slash])
            if access(folder + "/Package.swift", F_OK) == 0 { return folder }
        }
        preconditionFailure("no Package.swift above \(#filePath)")
    }()

    /// A file or folder of the public test data, which lies beside the checkout or where `COUNTERSIGN_DATA` says. Nil, with a
    /// printed line, where it is not installed.
    package static func published(_ path: String) -> String? {
        let data = getenv("COUNTERSIGN_DATA").map { String(cString: $0) } ?? root + "/../shared"
        let found = data + "/" + path
        if access(found, R_OK) == 0 { return found }
        print("skipped: the public test data has no \(path)")
        return nil
    }
}
