//! An SMTP server for tests.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

/// How long a test waits for a mail.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that accepts every mail, except those to `unknown@` (permanently) and `full@` (for now).
pub struct SmtpServer {
    address: SocketAddr,
    received: Receiver<String>,
}

impl SmtpServer {
    /// Starts a server on a free port; it ends with the process.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (sender, received) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let sender = sender.clone();
                // A client that disconnects ends its own thread only.
                thread::spawn(move || serve(&stream, &sender).ok());
            }
        });
        Ok(Self { address, received })
    }

    /// Its `SMTP_URL`.
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// The next mail that was received, with its headers.
    pub fn receive(&self) -> Result<String, RecvTimeoutError> {
        self.received.recv_timeout(PATIENCE)
    }
}

fn serve(mut stream: &TcpStream, sender: &Sender<String>) -> io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    stream.write_all(b"220 test\r\n")?;
    while let Some(line) = lines.next().transpose()? {
        let command = line.to_ascii_uppercase();
        let reply = if command.starts_with("RCPT") && command.contains("UNKNOWN@") {
            "550 no such user"
        } else if command.starts_with("RCPT") && command.contains("FULL@") {
            "452 mailbox full"
        } else if command == "DATA" {
            stream.write_all(b"354 go on\r\n")?;
            let mut mail = String::new();
            for line in lines.by_ref() {
                let line = line?;
                if line == "." {
                    break;
                }
                mail += &line;
                mail += "\n";
            }
            sender.send(mail).map_err(io::Error::other)?;
            "250 accepted"
        } else if command == "QUIT" {
            stream.write_all(b"221 bye\r\n")?;
            return Ok(());
        } else {
            "250 ok"
        };
        stream.write_all(format!("{reply}\r\n").as_bytes())?;
    }
    Ok(())
}
