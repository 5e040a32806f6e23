/// A page before or beside the console that asks for one proof: a code, the password, or a new password by a link.
package struct ProofPage: ConsolePage, Showing {
    package static let template = "proof"

    /// What is asked for.
    package enum Question: Sendable {
        /// The second step of a sign-in.
        case code
        /// A fresh proof by a code of the second factor.
        case freshCode
        /// A fresh proof by the password, where there is no second factor.
        case freshPassword
        /// A fresh proof by the organisation's own identity provider, where passwords open nothing.
        case freshElsewhere
        /// A new password by a one-time link.
        case newPassword
    }

    package let frame: Frame
    package let form: FormTarget
    package let question: Question
    /// Where to go afterwards: a path of this server.
    package let next: String
    /// The text of a one-time link; empty for none.
    package let link: String
    package let refusal: String
    /// Address of a proof by the organisation's identity provider; empty where there is none.
    package let organisation: String
    package let organisationName: String

    package init(
        frame: Frame, form: FormTarget, question: Question, next: String = "/", link: String = "", refusal: String = "",
        organisation: String = "", organisationName: String = ""
    ) {
        self.frame = frame
        self.form = form
        self.question = question
        self.next = next
        self.link = link
        self.refusal = refusal
        self.organisation = organisation
        self.organisationName = organisationName
    }

    var shown: [(name: String, value: Any)] {
        let words: (title: String, lead: String, act: String) =
            switch question {
            case .code:
                ("One more step", "Open your authenticator app and type the code it shows, or type a recovery code.", "Sign in")
            case .freshCode:
                (
                    "Prove that it is you", "This asks for a proof of the last minutes. Type the code of your authenticator app.",
                    "Go on"
                )
            case .freshPassword:
                ("Prove that it is you", "This asks for a proof of the last minutes. Type your password.", "Go on")
            case .freshElsewhere:
                (
                    "Prove that it is you",
                    "This asks for a proof of the last minutes. \(organisationName) asks you once more and sends you back here.",
                    ""
                )
            case .newPassword:
                (
                    "Choose a password",
                    "At least 12 characters; a few words that belong to nobody else are good. The link works once.",
                    "Set the password"
                )
            }
        let asksCode = question == .code || question == .freshCode
        return [
            ("title", words.title), ("lead", words.lead), ("act", words.act), ("asksCode", asksCode),
            ("asksPassword", !asksCode), ("isElsewhere", question == .freshElsewhere), ("isNew", question == .newPassword),
        ]
    }
}
