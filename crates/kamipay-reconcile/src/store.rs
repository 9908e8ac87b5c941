use std::convert::Infallible;

/// Where rows and results are kept until they are needed: numbered streams of bytes.
///
/// Implement it to spill to disk: a file a stream, or one file with an index. A stream is written
/// first and then read, from its start to its end. Bytes come back as they were appended.
///
/// The streams of one store are numbered from 0 to the number of partitions.
pub trait Store {
    /// The error of reading and writing.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Appends bytes to a stream. A stream is empty until then.
    ///
    /// # Errors
    ///
    /// If the bytes cannot be kept.
    fn append(&mut self, stream: usize, bytes: &[u8]) -> Result<(), Self::Error>;

    /// Reads bytes of a stream from `offset` on, as many as fit into `buffer`. Returns how many:
    /// fewer only at the end of the stream.
    ///
    /// # Errors
    ///
    /// If the bytes cannot be read.
    fn read(&self, stream: usize, offset: u64, buffer: &mut [u8]) -> Result<usize, Self::Error>;

    /// The length of a stream in bytes.
    fn length(&self, stream: usize) -> u64;
}

/// A store in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    streams: Vec<Vec<u8>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Store for MemoryStore {
    type Error = Infallible;

    fn append(&mut self, stream: usize, bytes: &[u8]) -> Result<(), Infallible> {
        if self.streams.len() <= stream {
            self.streams.resize_with(stream + 1, Vec::new);
        }
        self.streams[stream].extend_from_slice(bytes);
        Ok(())
    }

    fn read(&self, stream: usize, offset: u64, buffer: &mut [u8]) -> Result<usize, Infallible> {
        let bytes = self.streams.get(stream).map_or(&[][..], Vec::as_slice);
        let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..));
        let rest = rest.unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn length(&self, stream: usize) -> u64 {
        self.streams.get(stream).map_or(0, |bytes| bytes.len() as u64)
    }
}
