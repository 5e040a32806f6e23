import Glibc

/// A replayable generator (SplitMix64). It prints its seed; `COUNTERSIGN_SEED` replays a run.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ test: String) {
        var system = SystemRandomNumberGenerator()
        let given = getenv("COUNTERSIGN_SEED").flatMap { UInt64(String(cString: $0)) }
        state = given ?? system.next()
        print("seed of \(test): \(state)")
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
}

/// The published test data beside the project, nil where it is not installed.
enum SharedVectors {
    static func directory(_ name: String, from file: String = #filePath) -> String? {
        guard let resolved = realpath(file, nil) else { return nil }
        defer { free(resolved) }
        var path = String(cString: resolved)
        while let slash = path.lastIndex(of: "/") {
            path = String(path[..<slash])
            guard access(path + "/Package.swift", F_OK) == 0 else { continue }
            let found = path + "/../shared/vectors/" + name
            return access(found, R_OK) == 0 ? found : nil
        }
        return nil
    }
}
