package import Kernel

/// What a password has to be. Length carries it; no mixture of signs is asked for, and nothing makes people change a good one.
package enum PasswordRule {
    package static let scalarsMin = 12
    package static let bytesMax = 1024
    /// `aaaaaaaaaaaa` and `abababababab` are long and known to every guesser.
    static let distinctMin = 5

    /// Refuses `password.short`, `password.length` (over 1024 bytes), `password.simple`, `password.common` and `password.yours`
    /// (it holds a good part of the e-mail address).
    package static func check(_ password: String, email: String) throws(Refusal) {
        let folded = fold(password)
        guard password.unicodeScalars.count >= scalarsMin else {
            throw refusal("short", "A password needs at least \(scalarsMin) characters.")
        }
        guard password.utf8.count <= bytesMax else { throw refusal("length", "A password has at most \(bytesMax) bytes.") }
        guard Set(password.unicodeScalars).count >= distinctMin else {
            throw refusal("simple", "This password repeats the same few characters. Use a few words that belong to nobody else.")
        }
        guard !common.contains(where: { sameBytes(folded, $0) }), !isRun(folded) else {
            throw refusal(
                "common", "This password is among the first that are tried. Use a few words that belong to nobody else.")
        }
        let parts = fold(email).split { $0 == "@" || $0 == "." }.map(String.init).filter { $0.utf8.count >= 4 }
        for part in parts where holds(folded, part) && folded.utf8.count < part.utf8.count + scalarsMin {
            throw refusal(
                "yours", "This password holds a part of your e-mail address. Use a few words that belong to nobody else.")
        }
    }

    /// The long ones among passwords that stand on every guesser's list.
    private static let common = [
        "password1234", "password12345", "password123456", "passwordpassword", "qwertyuiop123", "qwertyuiopasdfghjkl",
        "1q2w3e4r5t6y", "qwerty123456", "administrator", "administrator1", "iloveyou1234", "letmein123456", "welcome12345",
        "changeme1234", "changemenow!", "trustno1trustno1", "correcthorsebatterystaple", "abcd1234abcd", "summer2024summer",
        "zaq12wsxcde3", "1qaz2wsx3edc", "asdfghjkl123", "football1234", "sunshine1234", "princess1234", "countersign123",
    ]

    /// Digits or letters in order, as they are counted: `123456789012`, `abcdefghijkl`.
    private static func isRun(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return zip(bytes, bytes.dropFirst()).allSatisfy { $1 &- $0 == 1 || ($0 == UInt8(ascii: "9") && $1 == UInt8(ascii: "0")) }
    }

    private static func holds(_ text: String, _ part: String) -> Bool {
        let (bytes, wanted) = (Array(text.utf8), Array(part.utf8))
        guard bytes.count >= wanted.count else { return false }
        return (0...(bytes.count - wanted.count)).contains { bytes[$0..<($0 + wanted.count)].elementsEqual(wanted) }
    }

    private static func fold(_ text: String) -> String {
        String(decoding: text.utf8.map { (65...90).contains($0) ? $0 + 32 : $0 }, as: UTF8.self)
    }

    private static func refusal(_ reason: String, _ sentence: String) -> Refusal {
        Refusal(.unprocessable, reason: "password.\(reason)", sentence, facts: ["field": "password"])
    }
}
