internal import Glibc
package import Kernel

/// Files and folders of a demonstration or a test.
package enum Folder {
    /// Deeper trees than a configuration are not ours.
    static let depthMax = 16

    /// Makes a folder and those above it. Anybody may pass through: the database and the workers are users of their own.
    package static func make(_ path: String) throws(Fault) {
        var at = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            at += "/" + part
            guard mkdir(at, 0o755) == 0 || errno == EEXIST else { throw fault("making the folder \(at)") }
        }
    }

    /// Replaces a file in one step.
    package static func write(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o644) throws(Fault) {
        let fresh = path + ".new"
        let file = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard file >= 0 else { throw fault("writing \(path)") }
        let count = bytes.isEmpty ? 0 : Glibc.write(file, bytes, bytes.count)
        close(file)
        guard count == bytes.count, rename(fresh, path) == 0 else { throw fault("writing \(path)") }
    }

    package static func text(_ path: String) -> String? {
        // A file that cannot be read is as good as none here.
        (try? FileBytes.read(path, maxBytes: 16_777_216)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Copies a tree of files; `edit` is given each text's path below `from` and the text. Pictures are copied as they are.
    package static func copy(_ from: String, to target: String, edit: (String, String) -> String) throws(Fault) {
        try copy(from, target, below: "", depth: 0, edit)
    }

    private static func copy(
        _ from: String, _ target: String, below: String, depth: Int, _ edit: (String, String) -> String
    ) throws(Fault) {
        guard depth < depthMax else { throw Fault("copying \(from)", "it is nested deeper than \(depthMax)", isRetryable: false) }
        try make(target)
        for name in try FileBytes.names(in: from) where !name.hasPrefix(".") {
            var info = stat()
            guard lstat("\(from)/\(name)", &info) == 0 else { throw fault("reading \(from)/\(name)") }
            let path = below.isEmpty ? name : "\(below)/\(name)"
            if info.st_mode & S_IFMT == S_IFDIR {
                try copy("\(from)/\(name)", "\(target)/\(name)", below: path, depth: depth + 1, edit)
            } else if info.st_mode & S_IFMT == S_IFREG {
                let bytes = try FileBytes.read("\(from)/\(name)", maxBytes: 16_777_216)
                let edited = String(validating: bytes, as: UTF8.self).map { Array(edit(path, $0).utf8) }
                try write(edited ?? bytes, to: "\(target)/\(name)")
            }
        }
    }

    /// Deletes a tree, following no link. What cannot be deleted stays.
    package static func remove(_ path: String, depth: Int = 0) {
        var info = stat()
        guard depth < depthMax * 4, lstat(path, &info) == 0 else { return }
        guard info.st_mode & S_IFMT == S_IFDIR else {
            unlink(path)
            return
        }
        // A folder that cannot be listed stays, as said above.
        for name in (try? FileBytes.names(in: path)) ?? [] where name != "." && name != ".." {
            remove("\(path)/\(name)", depth: depth + 1)
        }
        rmdir(path)
    }

    /// The first bytes of any file, those of the kernel included, which have no size; nil when it cannot be read.
    static func head(_ path: String, maxBytes: Int = 65_536) -> [UInt8]? { bytes(path, from: 0, SEEK_SET, maxBytes) }

    /// The last bytes of a file that may be long; nil when it cannot be read.
    static func end(of path: String, maxBytes: Int = 65_536) -> [UInt8]? { bytes(path, from: -maxBytes, SEEK_END, maxBytes) }

    private static func bytes(_ path: String, from offset: Int, _ whence: Int32, _ maxBytes: Int) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        // A file shorter than the offset is read from its start.
        if offset != 0, lseek(file, off_t(offset), whence) < 0 { lseek(file, 0, SEEK_SET) }
        var out = [UInt8](repeating: 0, count: maxBytes)
        var filled = 0
        while filled < maxBytes {
            let got = out.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress?.advanced(by: filled), maxBytes - filled) }
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { break }
            filled += got
        }
        return Array(out.prefix(filled))
    }

    package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    package static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The path from the root; the folder itself need not exist.
    package static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/") else { return path }
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        guard getcwd(&buffer, buffer.count) != nil else { return path }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) + "/" + path
    }

    private static func fault(_ what: String) -> Fault { Fault(what, String(cString: strerror(errno)), isRetryable: false) }
}

/// A folder that one of our programs made for itself, known by a mark, so that nobody's other files are taken for it.
package enum OwnFolder {
    static let mark = ".countersign-showcase"

    /// Makes the folder, or takes it again when it is of the same kind; `replaces` deletes what an earlier run left in it. Until
    /// this process ends nobody else can claim it.
    package static func claim(_ folder: String, flavour: String, replaces: Bool) throws {
        let path = "\(folder)/\(mark)"
        if let known = Folder.text(path) {
            guard known == flavour else {
                throw Refusal(
                    .conflict, reason: "folder.other", "\(folder) was made for \(known) and not for \(flavour).",
                    facts: ["remedy": "Give another folder with --data, or delete this one."])
            }
            try lock(path, folder)
            guard replaces else { return }
            Folder.remove(folder)
        } else {
            // A folder that does not exist has no names.
            guard ((try? FileBytes.names(in: folder)) ?? []).isEmpty else {
                throw Refusal(
                    .conflict, reason: "folder.other", "\(folder) holds other files.",
                    facts: ["remedy": "Give an empty folder with --data."])
            }
        }
        try Folder.make(folder)
        try Folder.write(Array(flavour.utf8), to: path)
        try lock(path, folder)
    }

    /// The descriptor stays open, and the lock with it, as long as the process lives.
    private static func lock(_ path: String, _ folder: String) throws(Refusal) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0, flock(file, LOCK_EX | LOCK_NB) == 0 else {
            if file >= 0 { close(file) }
            throw Refusal(
                .conflict, reason: "folder.busy", "Another process works in \(folder).",
                facts: ["remedy": "Wait until it has ended, or give another folder with --data."])
        }
    }
}
