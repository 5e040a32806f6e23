import Glibc
import Kernel

/// The conformance data beside the project, when it is there.
enum SharedVectors {
    /// Reads a JSON file below `../shared`; nil, with a printed line, when it is absent.
    static func json(_ path: String, file: String = #filePath) throws -> JSONValue? {
        var directory = file
        while let slash = directory.lastIndex(of: "/") {
            directory = String(directory[..<slash])
            if access(directory + "/Package.swift", F_OK) == 0 {
                let whole = directory + "/../shared/" + path
                guard access(whole, R_OK) == 0 else { break }
                return try JSONValue(parsing: try FileBytes.read(whole, maxBytes: 16_777_216))
            }
        }
        print("skipped: \(path) is not beside the project")
        return nil
    }
}
