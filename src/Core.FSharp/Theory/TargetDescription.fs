namespace MappingNets.Core

type BatchStatistics =
    { Mean: float[]
      Variance: float[]
      Epsilon: float }

type StatedLayer =
    { Name: string
      OutputShape: int64[]
      InputConstant: float
      AtZero: float
      WeightConstants: (string * float) list
      Roundings: float option }

type TargetLayer =
    | LinearLayer of name: string
    | Conv2dLayer of name: string * stride: int64 * padding: int64
    | ConvTranspose2dLayer of name: string * stride: int64 * padding: int64
    | BatchNormLayer of name: string * statistics: BatchStatistics option
    | LayerNormLayer of name: string * epsilon: float * deviation: float option
    | ReLULayer
    | TanhLayer
    | SiLULayer
    | GELULayer
    | MaxPool2dLayer of window: int64 * stride: int64 * padding: int64
    | AvgPool2dLayer of window: int64 * stride: int64 * padding: int64
    | GlobalAveragePool2dLayer
    | FlattenLayer
    | ReshapeLayer of shape: int64[]
    | DropoutLayer
    | ResidualLayer of body: TargetLayer list * shortcut: TargetLayer list
    | ConcatenationLayer of body: TargetLayer list
    | LstmLayer of name: string * layers: int * wholeSequence: bool
    | GruLayer of name: string * layers: int * wholeSequence: bool
    | SelfAttentionLayer of name: string * heads: int64
    | EmbeddingLayer of name: string
    | PositionEmbeddingLayer of name: string
    | ClassTokenLayer of name: string
    | FirstTokenLayer
    | TokensLayer
    | UserLayer of StatedLayer

type TargetDescription =
    { Layout: ParameterLayout
      InputShape: int64[]
      Layers: TargetLayer list }
