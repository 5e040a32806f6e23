internal import Glibc
internal import Kernel

/// The server's settings: what an operator may change stands in `postgresql.conf`, what we rely on is said on the command line.
enum ClusterConfiguration {
    /// Appended once, when the cluster is made.
    static func fileText(_ settings: ClusterSettings) -> String {
        """

        # Set by Countersign when it made this cluster; change what suits your machine.
        shared_buffers = \(settings.sharedBuffersMegabytes)MB
        max_connections = \(settings.connectionsMax)
        max_wal_size = 1GB
        wal_compression = on
        checkpoint_timeout = 15min
        random_page_cost = 1.1
        jit = off
        timezone = 'UTC'
        log_timezone = 'UTC'

        """
    }

    /// Durability, reachability and what may stand in a log are not the operator's to lose by accident.
    static func arguments(_ settings: ClusterSettings, _ files: ClusterFiles) -> [String] {
        var pairs = [
            ("listen_addresses", ""), ("port", "\(ClusterFiles.port)"), ("unix_socket_directories", files.socketDirectory),
            ("unix_socket_permissions", "0700"), ("log_error_verbosity", "terse"), ("log_min_error_statement", "panic"),
            ("log_parameter_max_length_on_error", "0"), ("log_parameter_max_length", "0"),
        ]
        let safety = settings.isDurable ? "on" : "off"
        pairs += [("fsync", safety), ("synchronous_commit", safety), ("full_page_writes", safety)]
        if settings.isDurable {
            // One file per weekday, started afresh when its day comes again.
            pairs += [
                ("logging_collector", "on"), ("log_directory", files.log), ("log_filename", "postgresql-%a.log"),
                ("log_truncate_on_rotation", "on"), ("log_rotation_age", "1d"), ("log_rotation_size", "0"),
                ("log_line_prefix", "%m [%p] "),
            ]
        }
        return ["-D", files.data] + pairs.flatMap { ["-c", "\($0.0)=\($0.1)"] }
    }
}
