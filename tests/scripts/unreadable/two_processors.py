from mlreef import data_processor


@data_processor(name="a")
def a():
    pass


@data_processor(name="b", type="NOTHING")
def b():
    pass
