using System.Security.Cryptography;
using System.Text;
using static TorchSharp.torch;

namespace MappingNets;

// What tells two data sets apart.
public sealed partial class Dataset
{
    private const int SamplesAtATime = 1024;
    private const int StreamedSamplesRead = 64;

    /// <summary>
    /// SHA-256 over the classes' names, the shapes and the samples, hexadecimal. Of a data set that streams its samples, which may be many
    /// and slow to make, 64 are read, at equal distances from the first to the last.
    /// </summary>
    internal string Fingerprint()
    {
        using var noGradient = no_grad();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var shapes = InputShapes.Zip(InputTypes, (shape, type) => $"{type}{ShapeText.Of(shape)}").Append($"{TargetType}{ShapeText.Of(TargetShape)}");
        foreach (var text in ClassNames.Concat(shapes).Append(FormattableString.Invariant($"{Count}")))
            hash.AppendData(Encoding.UTF8.GetBytes(text + "\0"));
        // Data sets without it keep the fingerprint that their runs' files hold.
        if (augmentation != Augmentation.None)
            hash.AppendData(Encoding.UTF8.GetBytes(FormattableString.Invariant($"augmentation {augmentation}, seed {augmentationSeed}\0")));
        var read = IsStreaming ? Math.Min(StreamedSamplesRead, Count) : Count;
        for (var start = 0; start < read; start += SamplesAtATime)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(SamplesAtATime, read - start);
            var (someInputs, someTargets) = IsStreaming
                ? stream!.Gather([.. Places(0, read).Select(place => place * (Count - 1L) / Math.Max(1, read - 1))])
                : ([.. InputList.Select(input => input.narrow(0, start, count))], Targets.narrow(0, start, count));
            foreach (var tensor in someInputs.Append(someTargets))
                TensorBytes.Append(hash, tensor);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
