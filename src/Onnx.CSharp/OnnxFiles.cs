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
        /// <param name="path">
        /// The file; external data files lie in its folder or below it. They are read here, to tell weights from masks and to try the network on
        /// two samples (three where the file states a batch of two), and again where weights are wanted.
        /// </param>
        /// <param name="inputShapes">
        /// The shape of one sample of each input, without the batch dimension; where null, the file's. Needed where the file leaves a
        /// size open; a network that takes images of any size may be given another than the file names.
        /// </param>
        /// <param name="output">
        /// The output to compute; where null, the only one. What any node gives will do too, such as the features before a pooling that fixes
        /// the size of pictures. What only other outputs need may have any operators and types.
        /// </param>
        /// <param name="name">What tables and checkpoints call the network; where null, as the file does.</param>
        /// <param name="limits">
        /// What the file may cost; <see cref="ReadLimits.Default"/> where null. <see cref="ReadLimits.Bytes"/> bounds in memory all initialisers,
        /// external ones too, with what follows from constants alone, and the values that are held while the network is tried on two samples.
        /// The file itself and the objects that its graph becomes may each take as much, and 16 MiB where that is more.
        /// </param>
        /// <exception cref="CheckpointFormatException">
        /// The file is damaged, is no ONNX model or is beyond the limits, or an external data file is missing or not in the file's folder.
        /// </exception>
        /// <exception cref="NotSupportedException">
        /// An operator, its setting, its opset or a type is not supported, or the file fixes the batch's size; the message names it.
        /// </exception>
        /// <exception cref="ArgumentException">
        /// A shape or an output must be given, or the given one does not fit or has more than 2^27 elements; or constants of the file do not
        /// fit together.
        /// </exception>
        /// <exception cref="IOException">The file cannot be read.</exception>
        public static OnnxTarget FromOnnx(
            string path, IReadOnlyList<long[]>? inputShapes = null, string? output = null, string? name = null, ReadLimits? limits = null) =>
            OnnxTarget.Of(OnnxFile.Read(path, limits ?? ReadLimits.Default), inputShapes, output, name);
    }

    extension(PretrainedWeights)
    {
        /// <summary>The weights and running statistics that an ONNX file came with, in single precision.</summary>
        /// <param name="target">The network of the file; it is not changed.</param>
        /// <exception cref="CheckpointFormatException">
        /// A tensor holds a NaN or a finite number that single precision cannot hold, or an external data file is gone or was cut off.
        /// </exception>
        /// <exception cref="IOException">An external data file may not be read.</exception>
        public static PretrainedWeights Of(OnnxTarget target)
        {
            ArgumentNullException.ThrowIfNull(target);
            using var noGradient = no_grad();
            using var scope = NewDisposeScope();
            return PretrainedWeights.Read($"'{target.File.Path}'", target.File.Path, target.OwnTensors());
        }
    }

    extension(Model model)
    {
        /// <summary>
        /// Writes the model as an ONNX file that ONNX Runtime runs, whole or not at all. A model of a network from an ONNX file becomes that
        /// file with other numbers: in single precision nothing else of it changes. Networks of the builder are written in opset 17 with
        /// the input "input", the output "output" and a free batch size; dropout is left out.
        /// </summary>
        /// <param name="path">The file, replaced where it exists.</param>
        /// <param name="precision">
        /// How weights of two or more dimensions are stored: single, half, or int8 with a step for each output. A runtime computes in
        /// single precision with what it makes of them when it loads the file. Where the network's file stores weights in another type, single
        /// precision stands for that type, and the others are refused.
        /// </param>
        /// <param name="overridable">
        /// Names of layers or tensors, with * for any characters, that become inputs with a default: each run of ONNX Runtime may give
        /// others, such as another customer's (<see cref="OnnxOverrides"/>). They are stored in single precision, and the runtime does not
        /// fuse them into others. None where null.
        /// </param>
        /// <exception cref="NotSupportedException">
        /// The target is a module of the user's, a layer is the user's own, the precision is int4, or a weight would be rounded, or overridable, that
        /// the network's file stores in another type than single precision; the message names it.
        /// </exception>
        /// <exception cref="ArgumentException">A pattern chooses nothing.</exception>
        /// <exception cref="InvalidOperationException">
        /// A weight or a running statistic is not finite, or too large for half precision, in which it is asked for or the network's file stores it.
        /// </exception>
        /// <exception cref="CheckpointFormatException">An external data file of the network's file is gone or was cut off.</exception>
        /// <exception cref="IOException">The file cannot be written; one that was there before is intact.</exception>
        /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
        public void ExportOnnx(string path, StoredPrecision precision = StoredPrecision.Single, IReadOnlyList<string>? overridable = null)
        {
            ArgumentNullException.ThrowIfNull(model);
            model.RequireAlive();
            if (!Enum.IsDefined(precision))
                throw new ArgumentOutOfRangeException(nameof(precision), precision, "There is no such precision.");
            IReadOnlyList<string> names = overridable is null ? [] : Chosen(model, overridable, nameof(overridable));
            AtomicFile.WriteAllBytes(path, OnnxExport.Of(model, precision, [.. names]));
        }

        /// <summary>
        /// What a file in a lower precision is expected to cost, before it is written: the root mean square, over all outputs of the given
        /// samples, of their change by rounding the weights. It follows from the steps of the precision and the gradients of the outputs
        /// alone, to first order and with rounding as independent noise: the variance of output k is the sum over all rounded weights of
        /// (dy_k / dw)^2 step_w^2 / 12 (Widrow's model of quantisation), estimated by 16 backward passes to a sixth of itself or better.
        /// </summary>
        /// <param name="precision">Half or int8; single precision costs nothing.</param>
        /// <param name="inputs">Samples as for <see cref="Model.Predict(Tensor)"/>, shape (N, ...); a few are enough.</param>
        /// <returns>In the units of the outputs.</returns>
        /// <exception cref="NotSupportedException">As for <see cref="ExportOnnx"/>.</exception>
        /// <exception cref="ArgumentException">The inputs have another shape or type than the network takes.</exception>
        /// <exception cref="InvalidOperationException">torch.inference_mode is on.</exception>
        /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
        public double ExpectedOnnxLoss(StoredPrecision precision, params Tensor[] inputs)
        {
            ArgumentNullException.ThrowIfNull(model);
            ArgumentNullException.ThrowIfNull(inputs);
            model.RequireAlive();
            return precision == StoredPrecision.Single ? 0 : ExpectedLoss.Of(model, precision, inputs);
        }

        /// <summary>The model's own tensors for a run of a file that was exported with the same patterns as overridable.</summary>
        /// <param name="patterns">Names of layers or tensors, as for <see cref="ExportOnnx"/>.</param>
        /// <returns>Copies, one for each input beside the network's own.</returns>
        /// <exception cref="ArgumentException">A pattern chooses nothing.</exception>
        /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
        public IReadOnlyList<OnnxOverride> OnnxOverrides(params string[] patterns)
        {
            ArgumentNullException.ThrowIfNull(model);
            ArgumentNullException.ThrowIfNull(patterns);
            model.RequireAlive();
            using var noGradient = no_grad();
            using var scope = NewDisposeScope();
            var values = OnnxExport.Values(model);
            return [.. Chosen(model, patterns, nameof(patterns)).Select(name =>
                new OnnxOverride(name, values[name].shape, values[name].data<float>().ToArray()))];
        }
    }

    // Statistics of a layer go with its weights.
    private static IReadOnlyList<string> Chosen(Model model, IReadOnlyList<string> patterns, string argument)
    {
        if (patterns.Count == 0)
            throw new ArgumentException("There is no pattern; 'all' chooses every layer.", argument);
        var plain = model.Target.Plain;
        string[] names =
        [
            .. plain.Parameters.Select(parameter => parameter.Name),
            .. plain.Buffers.Where(OnnxExport.IsWritten).Select(buffer => buffer.Name),
        ];
        return patterns.FirstOrDefault(pattern => string.IsNullOrWhiteSpace(pattern) || !names.Any(name => LayerPatterns.Matches(pattern, name))) is { } idle
            ? throw new ArgumentException($"The pattern '{idle}' chooses nothing of '{plain.Name}', which has [{MessageText.Names(names)}].", argument)
            : [.. names.Where(name => patterns.Any(pattern => LayerPatterns.Matches(pattern, name)))];
    }
}
