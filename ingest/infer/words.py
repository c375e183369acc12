"""Chinese names of keys -> English words, as devices of the country write them. Data and one function; pure.

Names are put together (环境温度, 设备编号, 累计流量), so they are taken apart again, the longest word first. Words in a
table are our own choice: those of GB/T, HJ and SL standards for what is measured, and of cloud platforms for the rest.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

__all__ = ["translated"]

_TABLE: Final = """
设备编号 device_id 设备编码 device_id 设备号 device_id 设备标识 device_id 设备名称 device_name 设备 device 终端 terminal 网关 gateway 传感器 sensor
测站编码 station_code 站点编号 station_code 站点编码 station_code 站码 station_code 站号 station_id 站点 station 测站 station 测点 point 表号 meter_no
序列号 serial_no 编号 id 编码 code 标识 id 名称 name 型号 model 厂家 maker 版本 version
监测时间 data_time 采集时间 collect_time 上报时间 report_time 观测时间 observed_at 发生时间 event_time 时间戳 timestamp 数据时间 data_time 时间 time 日期 date 时刻 time
经度 longitude 纬度 latitude 海拔 altitude 高程 elevation 高度 height 位置 location 地址 address
环境 ambient 室内 indoor 室外 outdoor 空气 air 土壤 soil 水体 water 供水 supply 回水 return 进水 inlet 出水 outlet 进口 inlet 出口 outlet 入口 inlet 油 oil
温度 temperature 气温 air_temperature 水温 water_temperature 体温 body_temperature 露点 dew_point 湿度 humidity 相对湿度 relative_humidity 含水率 moisture 墒情 moisture
压力 pressure 压强 pressure 水压 pressure 气压 air_pressure 大气压 air_pressure 压差 differential_pressure
瞬时流量 flow_rate 累计流量 total_volume 累积流量 total_volume 流量 flow_rate 流速 flow_velocity 用水量 water_volume 用气量 gas_volume 水量 water_volume 体积 volume
水位 water_level 液位 liquid_level 水深 depth 埋深 depth 深度 depth 雨量 rainfall 降雨量 rainfall 降水量 rainfall 雨强 rain_rate 蒸发量 evaporation
电压 voltage 电流 current 有功功率 active_power 无功功率 reactive_power 视在功率 apparent_power 功率因数 power_factor 功率 power 电能 energy 用电量 energy 有功电能 active_energy
频率 frequency 电阻 resistance 电池电量 battery_level 电池电压 battery_voltage 电池 battery 剩余电量 battery_level 电量 charge
浓度 concentration 一氧化碳 co 二氧化碳 co2 甲烷 methane 硫化氢 h2s 氨气 nh3 氨氮 ammonia_nitrogen 臭氧 o3 二氧化硫 so2 二氧化氮 no2 氮氧化物 nox 氧气 o2 氧 o2
可燃气体 combustible_gas 可燃气 combustible_gas 燃气 gas 烟雾 smoke 烟感 smoke 颗粒物 particulate 细颗粒物 pm2_5 粉尘 dust 扬尘 dust 甲醛 formaldehyde
溶解氧 dissolved_oxygen 浊度 turbidity 电导率 conductivity 余氯 residual_chlorine 酸碱度 ph 化学需氧量 cod 总磷 total_phosphorus 总氮 total_nitrogen 高锰酸盐指数 permanganate_index 盐度 salinity
风速 wind_speed 风向 wind_direction 阵风 gust 噪声 noise 噪音 noise 声级 noise 光照强度 illuminance 光照度 illuminance 光照 illuminance 照度 illuminance 辐射 radiation 紫外线 uv 能见度 visibility
位移 displacement 沉降 settlement 裂缝 crack 倾角 tilt_angle 倾斜 tilt 角度 angle 加速度 acceleration 振动 vibration 应变 strain 应力 stress 转速 rotation_speed 扭矩 torque
车速 speed 速度 speed 航速 speed 航向 heading 方向 direction 里程 mileage 油耗 fuel_consumption 油量 fuel 重量 weight 质量 mass 载重 load 距离 distance 长度 length 宽度 width
车流量 vehicle_count 人流量 people_count 人数 people_count 数量 quantity 个数 quantity 次数 times_count 满溢度 fill_level 余量 remaining 容量 capacity 占有率 occupancy
信号强度 signal_strength 信号 signal 信噪比 snr 运行状态 running_state 运行 running 状态 state 开关 switch 阀门 valve 水泵 pump 门 door 报警 alarm 告警 alarm 预警 warning 故障 fault 异常 abnormal 等级 level 级别 level 类型 type 模式 mode
最大 max 最小 min 最高 max 最低 min 平均 average 均值 average 累计 total 累积 total 瞬时 momentary 实时 present 当前 present 总 total 今日 today 昨日 yesterday 小时 hourly 日 daily 月 monthly 正向 forward 反向 reverse
数据 data 参数 parameter 指标 indicator 数值 value 测量值 value 监测值 value 值 value 单位 unit 结果 result 列表 list 监测 monitoring 采集 collect 上报 report 测量 measured 备注 note 描述 description 内容 content
相 phase 线 line 通道 channel 路 channel 号 no 率 rate 度 degree
"""  # noqa: E501 - a table, pairs on lines
_PAIRS: Final = _TABLE.split()
_WORDS: Final = dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True))
_SPLIT: Final = re.compile("|".join(sorted(map(re.escape, _WORDS), key=len, reverse=True)))
_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]")


@lru_cache(maxsize=4096)
def translated(text: str) -> tuple[str, bool]:
    """The text with English words in place of Chinese ones, and whether none was left over.

    Example:
        >>> translated("环境温度"), translated("A相电压"), translated("temp_c"), translated("奇怪度")
        (('ambient_temperature', True), ('A_phase_voltage', True), ('temp_c', True), ('奇怪_degree', False))
    """
    if not _CHINESE.search(text):
        return text, True
    out = _SPLIT.sub(lambda found: f"_{_WORDS[found[0]]}_", text)
    out = re.sub(r"_{2,}", "_", out).strip("_")
    return out, not _CHINESE.search(out)
