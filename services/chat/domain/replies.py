"""The fixed replies of the kinds of message that are answered without a search, and the boundaries of others."""

from services.chat.domain.message_kind import MessageKind

WHAT_I_AM = (
    "I'm an AI that helps you look back at your therapy sessions. I'm not a person and not a therapist. "
    "I can find what you and your therapist said, show you the words with the date and the second, "
    "and tell you what you agreed to do. I only know your own sessions, and I don't give advice."
)
# Beside the first answer of a conversation, not in it: the answer's own words are stored, read again and, as history,
# sent to a model, and a platform shows this where its users will see it.
NOTICE = "I'm an AI that only recalls what was said in your own sessions. I'm not a therapist."
FIXED_REPLIES = {
    MessageKind.GREETING: (
        "Hello! I'm an AI that helps you look back at your therapy sessions. "
        "Ask me about something you and your therapist talked about, and I'll show you where it was said."
    ),
    MessageKind.THANKS: ("You're welcome. I'm here whenever you want to look back at something from your sessions."),
    MessageKind.FEELING: (
        "Thank you for telling me. That matters, and you don't have to carry it alone. "
        "I'm an AI, so I can't do what a person can: your therapist would want to hear this, and somebody you "
        "trust may be able to be with you now. If it becomes too much, findahelpline.com lists who to call in your "
        "country, and your local emergency number is there when you are in danger. "
        "If it helps, I can look up what you and your therapist said about this."
    ),
    MessageKind.ABOUT_YOU: WHAT_I_AM,
    MessageKind.PRIVACY: (
        "I only look at sessions that you agreed to have recorded, and I only answer about them under your own access. "
        "Your therapist's practice decides how long they are kept and who works with them, and you can take your "
        "consent back at any time: then I can no longer see them. To see, correct or delete what is stored, or for "
        "anything about who has access, please ask your therapist or their practice."
    ),
    MessageKind.OTHER_PEOPLE: (
        "I can only look at your own sessions. I know nothing about anybody else's sessions or records, "
        "and I wouldn't share them if I did. I can show you what was said about somebody in your own sessions."
    ),
    MessageKind.OTHER_LANGUAGE: (
        "I can only read and answer in English for now. Please ask me again in English, and I'll look it up for you."
    ),
}
BOUNDARIES = {
    MessageKind.MEDICATION: (
        "I can't tell you anything about medication, a dose or a diagnosis: please ask your therapist or the doctor "
        "who prescribes for you before you change anything."
    ),
    MessageKind.ADVICE: (
        "I can't tell you what to do, that is for you and your therapist to talk through; "
        "it would be a good question to bring to your next session."
    ),
}
