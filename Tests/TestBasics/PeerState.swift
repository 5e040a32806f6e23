internal import Glibc

extension Checkout {
    /// Where a peer of `Tests/Peers` keeps what it makes once: beside the build, or where the database's own user can enter when
    /// the checkout lies below a folder that is closed to others.
    package static func peerState(_ name: String) -> String {
        let wanted = root + "/var/peers"
        return (isOpen(root) ? wanted : "/tmp/countersign-peers") + "/" + name
    }

    /// Whether everybody may pass through the folder and all above it; only root runs the database as somebody else.
    private static func isOpen(_ folder: String) -> Bool {
        guard geteuid() == 0 else { return true }
        var path = folder
        while !path.isEmpty {
            var facts = stat()
            guard stat(path, &facts) == 0, facts.st_mode & S_IXOTH != 0 else { return false }
            path = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
        }
        return true
    }
}
