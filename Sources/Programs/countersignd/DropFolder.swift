import Flow
import Glibc
import Kernel
import Logging
import Records

/// Takes files from a folder: `<folder>/<tenant>/<file>`. A file that was taken in moves to `.taken` beside it, one that was
/// refused to `.refused` with the reason in a text file; nothing is deleted.
///
/// A file is taken when its size and time have not changed between two looks, so that a slow copy is not read half-way.
struct DropFolder: Sendable {
    static let pauseMilliseconds: Int64 = 1000
    static let filesPerLook = 100

    let path: String
    let intake: Intake
    let scopes: ScopeDirectory
    let logger: Logger

    func run() async {
        var seen: [String: String] = [:]
        while !Task.isCancelled {
            do {
                for scope in try await scopes.all() where scope.kind == "tenant" { await look(scope, seen: &seen) }
            } catch {
                logger.warning("the drop folder was not looked at", metadata: ["error": "\(error)"])
            }
            // Cancellation ends the loop by its condition.
            try? await Task.sleep(for: .milliseconds(DropFolder.pauseMilliseconds))
        }
    }

    private func look(_ scope: ScopeRow, seen: inout [String: String]) async {
        let folder = "\(path)/\(scope.slug)"
        guard let names = try? FileBytes.names(in: folder) else { return }  // no folder for this tenant
        for name in names.sorted().prefix(DropFolder.filesPerLook) where !name.hasPrefix(".") {
            let file = "\(folder)/\(name)"
            var info = stat()
            guard lstat(file, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { continue }
            let mark = "\(info.st_size)/\(info.st_mtim.tv_sec).\(info.st_mtim.tv_nsec)"
            guard seen[file] == mark else {
                seen[file] = mark
                continue
            }
            seen[file] = nil
            await take(file, name: name, folder: folder, scope: scope)
        }
    }

    private func take(_ file: String, name: String, folder: String, scope: ScopeRow) async {
        do {
            let bytes = try FileBytes.read(file, maxBytes: Intake.documentBytesMax + 1)
            let receipt = try await intake.receive(
                bytes, fileName: name, channel: .dropFolder, scope: scope, recordedBy: nil, trace: nil)
            move(file, to: "\(folder)/.taken", as: "\(receipt.document.id)-\(name)")
        } catch let refusal as Refusal where refusal.code != .unavailable {
            move(file, to: "\(folder)/.refused", as: name)
            Site.write(refusal.message + "\n", to: "\(folder)/.refused/\(name).reason.txt")
            logger.notice("dropped file refused", metadata: ["tenant": "\(scope.slug)", "reason": "\(refusal.reason)"])
        } catch {
            // The file stays and is tried again.
            logger.warning("dropped file not taken in", metadata: ["tenant": "\(scope.slug)", "error": "\(error)"])
        }
    }

    private func move(_ file: String, to folder: String, as name: String) {
        guard mkdir(folder, 0o750) == 0 || errno == EEXIST, rename(file, "\(folder)/\(name)") == 0 else {
            logger.error("a dropped file could not be moved", metadata: ["error": "\(String(cString: strerror(errno)))"])
            return
        }
    }
}
