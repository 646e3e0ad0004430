using static TorchSharp.torch;

namespace MappingNets;

/// <summary>ONNX files: networks and weights from them, and trained models into them.</summary>
public static class OnnxFiles
{
    extension(TargetNetwork)
    {
        /// <summary>
        /// Reads a network from an ONNX file of opset 8 to 21 (docs/onnx.md lists the operators). Float initialisers become its
        /// parameters, running statistics its buffers; the batch's size is free.
        /// </summary>
        /// <example>
        /// <code>
        /// var target = TargetNetwork.FromOnnx("resnet18.onnx");
        /// using var pretrained = PretrainedWeights.Of(target);
        /// using var model = FineTuning.Of(target, pretrained).Groups(2048).Build();
        /// </code>
        /// </example>
        /// <param name="path">The file; external data files lie beside it and are read when weights are.</param>
        /// <param name="inputShapes">
        /// The shape of one sample of each input, without the batch dimension; where null, the file's. Needed where the file leaves a
        /// size open; a network that takes images of any size may be given another than the file names.
        /// </param>
        /// <param name="output">The output to compute; where null, the only one.</param>
        /// <param name="name">What tables and checkpoints call the network; where null, as the file does.</param>
        /// <exception cref="CheckpointFormatException">The file is damaged, is no ONNX model, or an external data file is missing.</exception>
        /// <exception cref="NotSupportedException">
        /// An operator, its setting, its opset or a type is not supported, or the file fixes the batch's size; the message names it.
        /// </exception>
        /// <exception cref="ArgumentException">A shape or an output must be given, or the given one does not fit.</exception>
        /// <exception cref="IOException">The file cannot be read.</exception>
        public static OnnxTarget FromOnnx(
            string path, IReadOnlyList<long[]>? inputShapes = null, string? output = null, string? name = null) =>
            OnnxTarget.Of(OnnxFile.Read(path), inputShapes, output, name);
    }

    extension(PretrainedWeights)
    {
        /// <summary>The weights and running statistics that an ONNX file came with, in single precision.</summary>
        /// <param name="target">The network of the file; it is not changed.</param>
        /// <exception cref="CheckpointFormatException">A tensor holds a number that is not finite, or an external data file is gone.</exception>
        public static PretrainedWeights Of(OnnxTarget target)
        {
            ArgumentNullException.ThrowIfNull(target);
            using var noGradient = no_grad();
            using var scope = NewDisposeScope();
            return PretrainedWeights.Read($"'{target.File.Path}'", target.File.Path, target.OwnTensors());
        }
    }
}
