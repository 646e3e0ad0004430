using static TorchSharp.torch;

namespace MappingNets;

/// <summary>PyTorch's .pt and .pth files.</summary>
public static class PyTorchFiles
{
    extension(PretrainedWeights)
    {
        /// <summary>
        /// All tensors of a state_dict that PyTorch 1.6 or newer saved (torch.save(model.state_dict(), path)), in single precision. The
        /// file is data only: its pickle may name tensors, storages and dictionaries, and anything else in it is refused before anything
        /// is read, so that no file can run code. Infinities are read, since a mask may consist of them; a network refuses them where it starts with
        /// finite numbers.
        /// </summary>
        /// <param name="path">The file.</param>
        /// <param name="key">
        /// Where the file is a checkpoint with more in it, the key of the state_dict, such as "state_dict" or "model"; null where the file
        /// is the state_dict itself.
        /// </param>
        /// <param name="limits">
        /// What the file may cost; <see cref="ReadLimits.Default"/> where none are given. Counted are the tensors as they are kept and, beside
        /// them, the largest storage: one storage at a time is unpacked, and every view of it is copied. A tensor that repeats the elements of its
        /// storage, as expand gives it, may take a quarter of the limit.
        /// </param>
        /// <returns>The weights; the caller disposes them.</returns>
        /// <exception cref="CheckpointFormatException">
        /// The file is damaged, beyond the limits, of PyTorch's older format, a whole model or TorchScript archive, names something other than
        /// tensors, or a tensor holds a NaN or a finite number that single precision cannot hold; the message says which.
        /// </exception>
        /// <exception cref="ArgumentException">
        /// The file has no such key, or is a checkpoint and no key was given; the message lists the keys.
        /// </exception>
        /// <exception cref="IOException">The file cannot be read.</exception>
        public static PretrainedWeights FromPyTorch(string path, string? key = null, ReadLimits? limits = null)
        {
            ArgumentException.ThrowIfNullOrWhiteSpace(path);
            using var noGradient = no_grad();
            using var scope = NewDisposeScope();
            using var archive = StateArchive.Open(path);
            return PretrainedWeights.Read($"'{path}'", path, archive.Tensors(key, limits ?? ReadLimits.Default));
        }
    }
}
