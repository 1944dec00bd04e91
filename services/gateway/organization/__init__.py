"""An organization's settings: its time zone and its patients', what the chat may do, who releases sessions."""
